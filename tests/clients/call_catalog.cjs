// Calls the official client for somebody else: reads lines of JSON [method, ...arguments] and writes a line of JSON for
// each, {value} or {error}. What the method yields is collected; {"$exists": true} stands for the client's symbol.
// Usage: node call_catalog.cjs <base url of the backend> <token>
const readline = require('node:readline');
const { CatalogClient, CATALOG_FILTER_EXISTS } = require('@backstage/catalog-client');

const EXISTS = JSON.stringify({ $exists: true });

function withSymbols(filter) {
  if (JSON.stringify(filter) === EXISTS) return CATALOG_FILTER_EXISTS;
  if (Array.isArray(filter)) return filter.map(withSymbols);
  if (filter === null || typeof filter !== 'object') return filter;
  return Object.fromEntries(Object.entries(filter).map(([key, value]) => [key, withSymbols(value)]));
}

async function call(client, [method, ...given], token) {
  const args = given.map(one => (one?.filter ? { ...one, filter: withSymbols(one.filter) } : one));
  const result = client[method](...args, token);
  if (!result[Symbol.asyncIterator]) return await result;
  const pages = [];
  for await (const page of result) pages.push(page);
  return pages;
}

async function main(baseUrl, secret) {
  const discoveryApi = { getBaseUrl: async pluginId => `${baseUrl}/api/${pluginId}` };
  const client = new CatalogClient({ discoveryApi });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const answer = await call(client, JSON.parse(line), { token: secret }).then(
      value => ({ value: value ?? null }),
      error => ({ error: { name: error.name, message: error.message, status: error.response?.status ?? null } }),
    );
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main(process.argv[2], process.argv[3]);

// Reads a catalog with the official client and prints what it got as JSON.
// Usage: node read_catalog.cjs <base url of the backend> <token>
const { CatalogClient } = require('@backstage/catalog-client');

async function pages(client, options, token) {
  const items = [];
  let totalItems;
  for (let cursor; ; ) {
    const page = await client.queryEntities(
      cursor ? { cursor, limit: options.limit } : options,
      token,
    );
    items.push(...page.items);
    totalItems = page.totalItems;
    cursor = page.pageInfo.nextCursor;
    if (!cursor) return { items, totalItems };
  }
}

async function back(client, options, token) {
  const first = await client.queryEntities(options, token);
  const second = await client.queryEntities({ cursor: first.pageInfo.nextCursor, limit: options.limit }, token);
  const again = await client.queryEntities({ cursor: second.pageInfo.prevCursor, limit: options.limit }, token);
  return { first: first.items, again: again.items };
}

async function main(baseUrl, secret) {
  const discoveryApi = { getBaseUrl: async pluginId => `${baseUrl}/api/${pluginId}` };
  const client = new CatalogClient({ discoveryApi });
  const token = { token: secret };
  const all = await client.getEntities({}, token);
  const some = all.items.find(entity => entity.kind === 'Component');
  const ref = `${some.kind}:${some.metadata.namespace ?? 'default'}/${some.metadata.name}`;
  return {
    all: all.items,
    filtered: (await client.getEntities({ filter: { kind: ['component', 'system'] } }, token)).items,
    fields: (await client.getEntities({ fields: ['kind', 'metadata.name'] }, token)).items,
    ordered: (await client.getEntities({ order: { field: 'metadata.name', order: 'desc' } }, token)).items,
    pages: await pages(client, { limit: 4, orderFields: { field: 'metadata.name', order: 'asc' } }, token),
    back: await back(client, { limit: 4, orderFields: { field: 'metadata.name', order: 'asc' } }, token),
    searched: (await client.queryEntities(
      { fullTextFilter: { term: some.metadata.name, fields: ['metadata.name'] } }, token)).items,
    byRef: await client.getEntityByRef(ref.toLowerCase(), token),
    missing: (await client.getEntityByRef('component:default/not-there', token)) ?? null,
    byRefs: (await client.getEntitiesByRefs({ entityRefs: [ref, 'component:default/not-there'] }, token))
      .items.map(entity => entity ?? null),
    facets: (await client.getEntityFacets({ facets: ['kind'] }, token)).facets,
    ref,
  };
}

main(process.argv[2], process.argv[3]).then(
  result => process.stdout.write(JSON.stringify(result)),
  error => {
    process.stderr.write(`${error.stack ?? error}\n${JSON.stringify(error.body ?? null)}\n`);
    process.exitCode = 1;
  },
);

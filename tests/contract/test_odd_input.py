"""What no description would lead to: NUL, broken encodings, huge numbers, endless nesting, forged cursors."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.conftest import running_catalog

from understage.testing import TestBackend
from understage.testing.databases import DATABASE_IDS

HUGE = 10**400
DEEP = 20_000
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", params=DATABASE_IDS)
async def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestBackend]:
    async with running_catalog(tmp_path_factory.mktemp("entities"), request.param) as backend:
        yield backend


def nested(opening: str, closing: str, inner: str = "{}") -> str:
    return opening * DEEP + inner + closing * DEEP


def cursor(value: Any) -> str:
    return base64.b64encode((value if isinstance(value, str) else json.dumps(value)).encode()).decode()


ROW = "00000000-0000-4000-8000-000000000000"
CURSOR = {
    "orderFields": [],
    "orderFieldValues": [ROW],
    "isPrevious": False,
    "firstSortFieldValues": [ROW],
    "totalItems": 1,
}
BROKEN = [b"\xff\xfe", b'{"entityRefs": ["\xff"]}', b'{"a": NaN}', b"", b"[" * 50_000, b'{"a":' * 20_000]
WITH_BODIES = ["/entities/by-refs", "/entities/by-query", "/refresh", "/validate-entity", "/locations"]
KNOWN_KIND = '{"apiVersion": "backstage.io/v1alpha1", "kind": '
QUERIES = [
    r'{"metadata.name": "a\u0000b"}',
    r'{"a\u0000": "b"}',
    r'{"metadata.name": "\ud800"}',
    r'{"metadata.name": {"$hasPrefix": "\u0000"}}',
    r'{"metadata.name": {"$in": ["\u0000", "\udfff"]}}',
    r'{"relations": {"$contains": {"type": "\u0000"}}}',
    '{"metadata.name": 1e999}',
    f'{{"metadata.name": {HUGE}}}',
    '{"metadata.name": 1e-999}',
    '{"metadata.name": {"$exists": 1}}',
    '{"metadata.name": {"$in": [[]]}}',
    nested('{"$not":', "}"),
    nested('{"$all":[', "]}"),
    json.dumps({"$any": [{"a": str(number)} for number in range(4000)]}),
    json.dumps({"kind": {"$in": [str(number) for number in range(9000)]}}),
    json.dumps({f"k{number}": "v" for number in range(4000)}),
]


async def answered(backend: TestBackend, method: str, url: str, content: str | bytes | None = None) -> Any:
    """Makes a request, whose answer must be a success or a described refusal."""
    response = await backend.client.request(method, f"/api/catalog{url}", content=content, headers=JSON)
    assert response.status_code < 500, (url, content, response.text)
    if response.status_code >= 400 and response.content:
        error = response.json()["error"]
        assert error["name"] in {"InputError", "NotFoundError", "ConflictError"}
        assert error["message"]
    return response


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:40])
async def test_odd_predicates(backend: TestBackend, query: str) -> None:
    """K22: a predicate is answered or refused, wherever it is sent, however deep or long it is."""
    for url, body in (
        ("/entities/by-query", f'{{"query": {query}}}'),
        ("/entities/by-refs", f'{{"entityRefs": ["component:default/shop"], "query": {query}}}'),
        ("/entity-facets", f'{{"facets": ["kind"], "query": {query}}}'),
        ("/locations/by-query", f'{{"query": {query}}}'),
    ):
        await answered(backend, "POST", url, body)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/entities/by-query", r'{"cursor": "\u0000"}'),
        ("/entities/by-query", r'{"fullTextFilter": {"term": "a\u0000", "fields": ["kind"]}}'),
        ("/entities/by-query", r'{"fullTextFilter": {"term": "a", "fields": ["ki\u0000nd"]}}'),
        ("/entities/by-query", r'{"fullTextFilter": {"term": "\ud800", "fields": ["kind"]}}'),
        ("/entities/by-query", r'{"orderBy": [{"field": "\u0000", "order": "asc"}]}'),
        ("/entities/by-query", f'{{"limit": {HUGE}}}'),
        ("/entities/by-query", '{"limit": 1e999}'),
        ("/entities/by-query", '{"offset": 9223372036854775807}'),
        ("/entities/by-query", r'{"fields": ["\u0000"]}'),
        ("/entities/by-query", json.dumps({"fields": [f"a{number}" for number in range(9000)]})),
        ("/entities/by-refs", r'{"entityRefs": ["\u0000", "a:b/\u0000", "\ud800"]}'),
        ("/entities/by-refs", json.dumps({"entityRefs": ["a:b/c"] * 12_000})),
        ("/entity-facets", r'{"facets": ["\u0000", "\ud800"]}'),
        ("/entity-facets", json.dumps({"facets": [f"a{number}" for number in range(5000)]})),
        ("/refresh", r'{"entityRef": "component:default/\u0000"}'),
        ("/refresh", r'{"entityRef": "\udc00"}'),
        ("/locations", r'{"type": "url", "target": "https://x/\u0000"}'),
        ("/locations", r'{"type": "url", "target": "https://x/\ud800"}'),
        ("/locations?dryRun=true", r'{"type": "url", "target": "https://[::"}'),
        ("/locations?dryRun=true", r'{"type": "url", "target": "http://\u0000"}'),
        ("/locations", json.dumps({"type": "url", "target": "https://x/" + "a" * 90_000})),
        ("/analyze-location", r'{"location": {"type": "url", "target": "https://[::"}}'),
        ("/analyze-location", r'{"location": {"type": "url", "target": "https://x/%00\u0000\ud800"}}'),
        ("/locations/by-query", r'{"cursor": "\u0000"}'),
        ("/locations/by-query", json.dumps({"cursor": cursor({"limit": 1e999, "afterId": "\0"})})),
        ("/locations/by-query", json.dumps({"cursor": cursor({"limit": 1, "afterId": "x", "query": 7})})),
        ("/locations/by-query", json.dumps({"cursor": cursor(nested("[", "]"))})),
    ],
    ids=lambda value: value[:50],
)
async def test_odd_bodies(backend: TestBackend, url: str, body: str) -> None:
    """K22: what no database takes is refused, and long lists are answered."""
    await answered(backend, "POST", url, body)


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: repr(data[:20]))
@pytest.mark.parametrize("url", WITH_BODIES)
async def test_bodies_that_are_no_json(backend: TestBackend, url: str, data: bytes) -> None:
    """K6, K22: what cannot be read as JSON is refused."""
    response = await answered(backend, "POST", url, data)
    assert response.status_code == 400 or (url, data) == ("/entities/by-query", b"")


@pytest.mark.parametrize(
    "url",
    [
        "/entities?filter=%ff=%fe",
        "/entities?filter=a=%ed%a0%80",
        "/entities?filter=" + ",".join(f"a{number}=b" for number in range(2000)),
        "/entities?filter=" + ",".join(f"a=b{number}" for number in range(3000)),
        "/entities?" + "&".join(f"filter=a={number}" for number in range(1500)),
        "/entities?order=asc:%ff",
        "/entities?order=asc:" + "x" * 3000,
        "/entities?limit=1&offset=2147483647",
        "/entities?limit=1&after=" + cursor({"limit": HUGE, "offset": 1}),
        "/entities?limit=1&after=" + cursor({"limit": 1, "offset": 2**70}),
        "/entities?limit=1e400",
        "/entities?limit=nan",
        "/entities?limit=infinity",
        "/entities?limit=%D9%A3",
        "/entities/by-query?limit=1_0",
        "/entities/by-query?fullTextFilterTerm=%ed%b0%80",
        "/entities/by-query?fullTextFilterTerm=%25_%5C",
        "/entities/by-query?cursor=" + cursor({**CURSOR, "totalItems": HUGE}),
        "/entities/by-query?cursor=" + cursor({**CURSOR, "orderFieldValues": ["\0"]}),
        "/entities/by-query?cursor=" + cursor({**CURSOR, "orderFieldValues": ["not a uuid"], "isPrevious": True}),
        "/entities/by-query?cursor=" + cursor({**CURSOR, "orderFieldValues": [None]}),
        "/entities/by-query?cursor="
        + cursor({**CURSOR, "orderFields": [{"field": "kind", "order": "asc"}], "orderFieldValues": ["\0", ROW]}),
        "/entities/by-query?cursor=" + cursor({**CURSOR, "query": {"a": {"$in": ["\0"]}}}),
        "/entities/by-query?cursor=" + cursor({**CURSOR, "filter": {"anyOf": [{"key": "\0"}]}}),
        "/entities/by-query?cursor=" + cursor({**CURSOR, "fullTextFilter": {"term": "\0"}}),
        "/entities/by-query?cursor=" + cursor({**CURSOR, "fullTextFilter": 7}),
        "/entities/by-query?cursor=" + cursor(nested("[", "]", "")[:40_000]),
        "/entity-facets?facet=%ff",
        "/entity-facets?" + "&".join(f"facet=a{number}" for number in range(1500)),
        "/entities/by-name/%2e%2e/%2e/%2F",
        "/entities/by-name/a/b/%ed%a0%80",
        "/entities/by-uid/" + "x" * 5000,
        "/entities/by-uid/%00",
        "/locations/%00",
        "/locations/%20",
        "/locations/by-entity/a/b/%00",
        "/%00",
        "/entities?" + "a" * 20_000,
        "/entities?=&=&;",
        "/entities?" + "&".join(["fields=a"] * 3000),
    ],
    ids=lambda url: url[:50],
)
async def test_odd_addresses(backend: TestBackend, url: str) -> None:
    """K3, K22, K113: odd parameters, names and cursors are answered or refused."""
    await answered(backend, "GET", url)


@pytest.mark.parametrize(
    "entity",
    [
        r'{"apiVersion": "\u0000", "kind": "K", "metadata": {"name": "n"}}',
        r'{"apiVersion": "v1", "kind": "K", "metadata": {"name": "\ud800"}}',
        KNOWN_KIND + r'"Location", "metadata": {"name": "n"}, "spec": {"targets": ["\u0000"]}}',
        KNOWN_KIND + r'"Group", "metadata": {"name": "n"}, "spec": {"type": "\u0000", "children": []}}',
        '{"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}, "spec": {"a": ' + "[" * 900 + "]" * 900 + "}}",
        '{"apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "annotations": {"$text": "x"}}}',
        f'{{"apiVersion": "v1", "kind": "K", "metadata": {{"name": "n"}}, "spec": {{"a": {HUGE}}}}}',
        "{}",
    ],
    ids=lambda entity: entity[:60],
)
async def test_odd_entities(backend: TestBackend, entity: str) -> None:
    """K22, K236: whatever is to be validated, it is found valid or told what is wrong."""
    body = f'{{"entity": {entity}, "location": "url:https://example.com/x"}}'
    response = await backend.client.post("/api/catalog/validate-entity", content=body, headers=JSON)
    assert response.status_code in (200, 400), response.text

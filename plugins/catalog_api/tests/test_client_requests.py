"""What the catalog client sends, and what it makes of answers."""

import base64
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from understage.catalog_api import FILTER_EXISTS, CatalogClient, EntityRef, EntityRefError
from understage.errors import ResponseError
from understage.plugin_api import HttpResponse
from understage.testing import HttpRequest, MockDiscovery, MockHttpClient, json_response

BASE = "http://localhost:0/api/catalog"
WEB = {"apiVersion": "v1", "kind": "Component", "metadata": {"name": "web"}}
EMPTY_PAGE = {"items": [], "totalItems": 0, "pageInfo": {}}
FAILURE = {"error": {"name": "NotAllowedError", "message": "no"}, "response": {"statusCode": 403}}


def client_of(**routes: object) -> tuple[CatalogClient, MockHttpClient]:
    answers = {
        f"{'POST' if path == 'entities/by-refs' else 'GET'} {BASE}/{path}": json_response(answer)
        for path, answer in routes.items()
    }
    http = MockHttpClient(answers)
    return CatalogClient(MockDiscovery(), http), http


def pairs(request: HttpRequest) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(request.url).query)


async def test_a_query_becomes_parameters() -> None:
    """K556, K567: each filter set is one parameter, existence is a key alone, and the token goes along."""
    client, http = client_of(
        **{"entities/by-query": {"items": [WEB], "totalItems": 7, "pageInfo": {"nextCursor": "c"}}}
    )
    page = await client.query_entities(
        filter=[{"kind": ["component", "api"], "spec.type": FILTER_EXISTS}, {"metadata.name": "a b"}],
        fields=["kind", "metadata.name"],
        order=[("metadata.name", "desc")],
        limit=5,
        offset=10,
        full_text_term="x&y",
        full_text_fields=["metadata.title"],
        token="secret",
    )
    (request,) = http.requests
    assert request.headers["authorization"] == "Bearer secret"
    assert sorted(pairs(request)) == sorted(
        [
            ("filter", "kind=component,kind=api,spec.type"),
            ("filter", "metadata.name=a b"),
            ("fields", "kind,metadata.name"),
            ("orderField", "metadata.name,desc"),
            ("limit", "5"),
            ("offset", "10"),
            ("fullTextFilterTerm", "x&y"),
            ("fullTextFilterFields", "metadata.title"),
        ]
    )
    assert (page.items, page.total_items, page.page_info.next_cursor) == ([WEB], 7, "c")


async def test_a_cursor_replaces_the_query() -> None:
    """K112, K556: with a cursor only fields and limit are sent beside it."""
    client, http = client_of(**{"entities/by-query": EMPTY_PAGE})
    await client.query_entities(cursor="abc=", limit=3, filter={"kind": "api"}, order=[("x", "asc")])
    assert pairs(http.requests[0]) == [("limit", "3"), ("cursor", "abc=")]


async def test_entities_are_listed() -> None:
    """K555: a listing sends filter, order and paging."""
    client, http = client_of(entities=[WEB])
    assert await client.get_entities(filter={"kind": "component"}, order=[("metadata.name", "asc")], limit=2) == [WEB]
    assert pairs(http.requests[0]) == [("filter", "kind=component"), ("order", "asc:metadata.name"), ("limit", "2")]


async def test_an_entity_is_fetched_by_its_name() -> None:
    """K558: the parts of the name are path segments, encoded; one that does not exist is None."""
    client, http = client_of(**{"entities/by-name/component/default/we%20b%2Fx": WEB})
    assert await client.get_entity_by_ref(EntityRef("component", "default", "we b/x")) == WEB
    missing = MockHttpClient({f"GET {BASE}/entities/by-name/component/default/no": json_response({}, 404)})
    assert await CatalogClient(MockDiscovery(), missing).get_entity_by_ref("component:no") is None
    with pytest.raises(EntityRefError):
        await client.get_entity_by_ref("web")
    assert len(http.requests) == 1


async def test_many_refs_are_asked_for_in_several_requests() -> None:
    """K7, K557: at most 1,000 refs and 90 KiB go into one body, because servers take 100 KiB."""

    def answer(request: HttpRequest) -> HttpResponse:
        refs = json.loads(request.body or b"")["entityRefs"]
        return json_response({"items": [{"metadata": {"name": ref}} for ref in refs]})

    http = MockHttpClient({f"POST {BASE}/entities/by-refs": answer})
    client = CatalogClient(MockDiscovery(), http)
    refs = [f"component:default/{'n' * (60 if i % 2 else 200)}-{i}" for i in range(2500)]
    found = await client.get_entities_by_refs(refs, fields=["metadata.name"], filter={"kind": "component"})
    assert [entity["metadata"]["name"] for entity in found if entity] == refs
    bodies = [request.body or b"" for request in http.requests]
    assert max(map(len, bodies)) <= 100 * 1024
    assert all(len(json.loads(body)["entityRefs"]) <= 1000 for body in bodies)
    assert pairs(http.requests[0]) == [("filter", "kind=component")]
    assert http.requests[0].headers["content-type"] == "application/json"


async def test_no_refs_need_no_request() -> None:
    """K557: nothing asked, nothing sent."""
    client, http = client_of()
    assert await client.get_entities_by_refs([]) == []
    assert http.requests == []


async def test_facets_are_typed() -> None:
    """K560: each facet is a parameter of its own."""
    client, http = client_of(**{"entity-facets": {"facets": {"kind": [{"value": "API", "count": 2}]}}})
    facets = await client.get_entity_facets(["kind", "spec.type"], filter={"kind": "api"})
    assert [(facet.value, facet.count) for facet in facets["kind"]] == [("API", 2)]
    assert pairs(http.requests[0]) == [("facet", "kind"), ("facet", "spec.type"), ("filter", "kind=api")]


async def test_a_refusal_keeps_its_status() -> None:
    """K567: an error document becomes an error with the same status."""
    http = MockHttpClient(
        {
            f"GET {BASE}/entities": json_response(FAILURE, 403),
            f"GET {BASE}/entities/by-name/a/b/c": json_response(FAILURE, 403),
            f"POST {BASE}/entities/by-refs": json_response(FAILURE, 404),
        }
    )
    client = CatalogClient(MockDiscovery(), http)
    for call in (client.get_entities(), client.get_entity_by_ref("a:b/c"), client.get_entities_by_refs(["a:b/c"])):
        with pytest.raises(ResponseError) as raised:
            await call
        assert raised.value.status_code in (403, 404)
        assert raised.value.cause.name == "NotAllowedError"


async def test_a_predicate_is_a_body() -> None:
    """K556: with a predicate all options go into the body of a POST."""
    http = MockHttpClient({f"POST {BASE}/entities/by-query": json_response(EMPTY_PAGE)})
    await CatalogClient(MockDiscovery(), http).query_entities(
        query={"$not": {"kind": "api"}},
        filter={"kind": "component"},
        fields=["kind"],
        order=[("metadata.name", "desc")],
        limit=5,
        offset=0,
        full_text_term=" x ",
        full_text_fields=["kind"],
        total_items="exclude",
    )
    assert json.loads(http.requests[0].body or b"") == {
        "query": {"$all": [{"$not": {"kind": "api"}}, {"kind": "component"}]},
        "fields": ["kind"],
        "orderBy": [{"field": "metadata.name", "order": "desc"}],
        "limit": 5,
        "offset": 0,
        "fullTextFilter": {"term": "x", "fields": ["kind"]},
        "totalItems": "exclude",
    }


@pytest.mark.parametrize(("members", "method"), [({"query": {}}, "POST"), ({}, "GET"), (None, "GET")])
async def test_a_cursor_goes_on_in_its_own_way(members: dict[str, object] | None, method: str) -> None:
    """K116, K556: a cursor that holds a predicate is followed by POST; any other, or what nobody can read, by GET."""
    cursor = "opaque" if members is None else base64.b64encode(json.dumps(members).encode()).decode()
    http = MockHttpClient({f"{method} {BASE}/entities/by-query": json_response(EMPTY_PAGE)})
    await CatalogClient(MockDiscovery(), http).query_entities(cursor=cursor, limit=3)
    (request,) = http.requests
    sent = json.loads(request.body or b"") if method == "POST" else dict(pairs(request))
    assert sent == {"cursor": cursor, "limit": 3 if method == "POST" else "3"}

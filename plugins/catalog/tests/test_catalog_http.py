"""The HTTP API beyond what was recorded: validation, paths, bodies, streams."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.http import operations
from understage.catalog.router import create_router
from understage.errors import InputError
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send
from understage.testing import mock_error_handler

Catalog = Any
Component = Callable[[str], str]
NAMES = [f"c{number:02d}" for number in range(25)]


@pytest.fixture
async def client(sqlite_catalog: Catalog, make_component: Component) -> AsyncIterator[httpx2.AsyncClient]:

    sqlite_catalog.write("a.yaml", "".join(map(make_component, NAMES)))
    await sqlite_catalog.start("a.yaml")
    app = mock_error_handler(create_router(sqlite_catalog.reads, sqlite_catalog.gate))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        yield client


async def refused(client: httpx2.AsyncClient, method: str, url: str, **options: Any) -> str:
    """Returns the text of a refusal."""
    response = await client.request(method, url, **options)
    assert response.status_code == 400, (url, response.text)
    error = response.json()["error"]
    assert error["name"] == "InputError"
    message: str = error["message"]
    return message


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/entities?foo=1", "Unknown query parameter 'foo'"),
        ("/entities?Limit=1", "Unknown query parameter 'Limit'"),
        ("/entities/by-name/a/b/c?fields=kind", "Unknown query parameter 'fields'"),
        ("/entities/by-uid/x?limit=1", "Unknown query parameter 'limit'"),
        ("/entities?filter=", "Empty value found for query parameter 'filter'"),
        ("/entities/by-query?cursor=", "Empty value found for query parameter 'cursor'"),
        ("/entities?limit=1.5", "request/query/limit must be integer"),
        ("/entities?limit=1&limit=2", "request/query/limit must be integer"),
        ("/entities?offset=-1", "request/query/offset must be >= 0"),
        ("/entities/by-query?limit=99999999999999999999", "request/query/limit must be <= 2147483647"),
        ("/entities?filter=a%00b", "The query parameter 'filter' holds a NUL character"),
        ("/entities/by-name/a/b/c%00", "The path holds a NUL character"),
        ("/entities/by-name/a/b/%ff", "Failed to decode param '%ff'"),
        (
            "/entities?order=metadata.name",
            'Invalid order parameter "metadata.name", expected "<asc or desc>:<field name>"',
        ),
        ("/entities?order=asc:", 'Invalid order parameter "asc:", expected "<asc or desc>:<field name>"'),
        ("/entities/by-query?orderField=,asc", "Invalid order field, its name is missing"),
        ("/entities/by-query?orderField=a,ASC", "Invalid order field order, must be asc or desc"),
        ("/entities?fields=a[0]", "invalid field 'a[0]', array type fields are not supported"),
        ("/entities?limit=1&after=eyJsaW1pdCI6MH0=", "Malformed after cursor, its members must not be negative"),
        ("/entity-facets?facet=&facet=", "Missing or empty facets parameter"),
    ],
)
async def test_bad_parameters_are_refused(client: httpx2.AsyncClient, url: str, text: str) -> None:
    """K1-K4, K22, K73, K81, K82, K87, K102, K186: what the request validator and the handlers say of bad parameters.

    deviation: numbers beyond 31 bits and NUL characters are refused instead of failing in the database.
    """
    assert await refused(client, "GET", url) == text


@pytest.mark.parametrize(
    ("url", "body", "text"),
    [
        ("/entities/by-refs", {"entityRefs": [1]}, "request/body/entityRefs/0 must be string"),
        ("/entities/by-refs", {"entityRefs": [], "fields": "x"}, "request/body/fields must be array"),
        ("/entities/by-refs", {"entityRefs": [], "query": []}, "request/body/query must be object"),
        ("/entities/by-refs", [], "request/body must be object"),
        (
            "/entities/by-query",
            {"orderBy": [{"field": "a"}]},
            "request/body/orderBy/0 must have required property 'order'",
        ),
        ("/entities/by-query", {"cursor": ""}, "Cursor cannot be empty"),
        (
            "/entities/by-query",
            {"limit": -1},
            "request/body/limit must be >= 0",
        ),
        (
            "/entities/by-query",
            {"offset": 1.5},
            "request/body/offset must be integer",
        ),
        (
            "/entities/by-query",
            {"totalItems": "no"},
            "request/body/totalItems must be equal to one of the allowed values: include, exclude",
        ),
        ("/entity-facets", {"facets": []}, "Missing or empty facets parameter"),
        ("/entity-facets", {"facets": [""]}, "Missing or empty facets parameter"),
        ("/entity-facets", {"facets": "kind"}, "request/body/facets must be array"),
    ],
)
async def test_bad_bodies_are_refused(client: httpx2.AsyncClient, url: str, body: Any, text: str) -> None:
    """K5, K22, K131-K133, K173, K186: bodies follow their schema, without conversion.

    deviation: a limit or offset that is negative or no whole number is refused instead of failing in the database.
    """
    assert await refused(client, "POST", url, json=body) == text


def many(count: int) -> dict[str, Any]:
    """A predicate of so many conditions, some of them nested or empty."""
    return {"$any": [{}, {"$all": []}, *({"$not": {"spec.type": f"t{number}"}} for number in range(count - 2))]}


@pytest.mark.parametrize(
    ("url", "member"),
    [
        ("/entities/by-query", {}),
        ("/entities/by-refs", {"entityRefs": ["component:default/c01"] * 1001}),
        ("/entity-facets", {"facets": ["kind"]}),
    ],
)
async def test_queries_have_a_size(client: httpx2.AsyncClient, url: str, member: dict[str, Any]) -> None:
    """K62: a predicate of a thousand conditions is answered, one of more is not; names asked for are none.

    deviation: Backstage has no limit; two thousand conditions took it minutes on a catalog of thirty entities.
    """
    text = "query: 1001 conditions, but at most 1000 are allowed; many values of the same key "
    assert (await client.post(url, json=member | {"query": many(1000)})).status_code == 200
    assert (await refused(client, "POST", url, json=member | {"query": many(1001)})).startswith(text)
    values = {"spec.type": {"$in": [f"t{number}" for number in range(1001)]}}
    assert (await client.post(url, json=member | {"query": values})).status_code == 200


@pytest.mark.parametrize(
    "url", ["/entities?", "/entities?limit=1&", "/entities/by-query?", "/entity-facets?facet=kind&"]
)
async def test_filters_have_a_size(client: httpx2.AsyncClient, url: str) -> None:
    """K62: filters have the same limit, and the values of one key are one condition of them."""
    sets = [f"filter=k{number}=1,l={number}" for number in range(501)]
    text = "filter: 1002 conditions, but at most 1000 are allowed"
    assert (await client.get(url + "&".join(sets[:500]))).status_code == 200
    assert (await refused(client, "GET", url + "&".join(sets))).startswith(text)
    assert (await client.get(url + "&".join(f"filter=l={number}" for number in range(1001)))).status_code == 200


async def test_cursors_bring_no_more_conditions(client: httpx2.AsyncClient) -> None:
    """K62: what a cursor carries is measured too: clients can write one."""
    page = (await client.post("/entities/by-query", json={"limit": 1, "query": {"kind": "component"}})).json()
    cursor = msgspec.json.decode(base64.b64decode(page["pageInfo"]["nextCursor"]))
    forged = base64.b64encode(msgspec.json.encode(cursor | {"query": many(1001)})).decode()
    text = await refused(client, "POST", "/entities/by-query", json={"cursor": forged})
    assert text.startswith("query: 1001 conditions")


async def test_bodies_have_a_size_and_a_type(client: httpx2.AsyncClient) -> None:
    """K6, K7: over 100 KiB, broken JSON and other media types are refused; `+json` types are JSON."""
    url = "/entities/by-refs"
    assert await refused(client, "POST", url, json={"entityRefs": ["x" * 102_400]}) == "request entity too large"
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    assert "is not valid JSON" in await refused(client, "POST", url, content='{"a" 1}', headers=json_type)
    plain = {"Content-Type": "text/plain"}
    assert "Malformed request body" in await refused(client, "POST", url, content='{"entityRefs":[]}', headers=plain)
    special = {"Content-Type": "application/x+json"}
    assert (await client.post(url, content='{"entityRefs":[]}', headers=special)).json() == {"items": []}


async def test_an_empty_body_asks_for_everything(client: httpx2.AsyncClient) -> None:
    """K130: the body of by-query is optional."""
    for response in (await client.post("/entities/by-query"), await client.post("/entities/by-query", json={})):
        assert response.json()["totalItems"] == len(NAMES) + 1


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/ENTITIES/by-Query/?limit=0", 200),
        ("GET", "/entities/BY-NAME/Component/Default/C01/", 200),
        ("HEAD", "/entities/by-name/component/default/c01", 200),
        ("GET", "/", 404),
        ("GET", "/nope", 404),
        ("GET", "/entities/by-name/component/default", 404),
        ("GET", "/entities/by-name/component/default/c01/more", 404),
        ("DELETE", "/entities", 404),
        ("GET", "/entities/by-refs", 404),
    ],
)
async def test_paths(client: httpx2.AsyncClient, method: str, url: str, status: int) -> None:
    """K11, K21: paths are known in any case, with a slash at the end; all others are an empty 404."""
    response = await client.request(method, url)
    assert response.status_code == status
    if status == 404:
        assert response.content == b""
        assert "content-type" not in response.headers


async def test_an_encoded_slash_is_part_of_a_name(client: httpx2.AsyncClient) -> None:
    """K140: what is not found is named as it was asked for, decoded."""
    response = await client.get("/entities/by-name/component/default/a%2Fb%20c")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == (
        "No entity named 'a/b c' found, with kind 'component' in namespace 'default'"
    )


async def test_an_id_is_found_in_any_case(client: httpx2.AsyncClient) -> None:
    """K141: by uid, upper case or not; the entity is the same as by name."""
    entity = (await client.get("/entities/by-name/component/default/c01")).json()
    assert (await client.get(f"/entities/by-uid/{entity['metadata']['uid'].upper()}")).json() == entity


async def test_pages_by_offset_are_linked(client: httpx2.AsyncClient) -> None:
    """K85, K86: the link keeps fields, filter and order but no offset; its `after` beats limit and offset."""
    url: str | None = "/entities?limit=4&offset=2&filter=kind%3Dcomponent&order=asc:metadata.name&fields=metadata.name"
    names: list[str] = []
    while url is not None:
        response = await client.get(url)
        names += [one["metadata"]["name"] for one in response.json()]
        link = response.headers.get("link")
        assert link is None or (link.startswith("</entities?limit=4&filter=kind%3Dcomponent&order=asc%3Ametadata.name"))
        assert link is None or "offset=" not in link
        url = link.removeprefix("<").removesuffix('>; rel="next"') if link else None
    assert names == NAMES[2:]
    after = (await client.get("/entities?limit=1")).headers["link"].split("after=")[1].split(">")[0]
    beaten = await client.get(f"/entities?limit=9&offset=20&after={after}")
    assert len(beaten.json()) == 1
    assert beaten.json()[0]["metadata"]["name"] == NAMES[1]
    assert beaten.headers["link"].startswith("</entities?limit=9&after=")


async def test_an_offset_alone_is_a_page_without_end(client: httpx2.AsyncClient) -> None:
    """K82, K85: without a limit everything after the offset comes, and no link."""
    response = await client.get("/entities?offset=3&filter=kind=component")
    assert [one["metadata"]["name"] for one in response.json()] == NAMES[3:]
    assert "link" not in response.headers


async def test_cursors_are_taken_by_both_verbs(client: httpx2.AsyncClient) -> None:
    """K116: a cursor of GET goes on by POST and the other way round, without repeating the query."""
    first = (await client.get("/entities/by-query?limit=10&orderField=metadata.name&filter=kind=component")).json()
    second = await client.post("/entities/by-query", json={"cursor": first["pageInfo"]["nextCursor"], "limit": 10})
    third = await client.get(
        "/entities/by-query",
        params={"cursor": second.json()["pageInfo"]["nextCursor"], "limit": 10, "filter": "kind=ignored", "offset": 5},
    )
    names = [one["metadata"]["name"] for page in (first, second.json(), third.json()) for one in page["items"]]
    assert names == NAMES
    assert third.json()["totalItems"] == len(NAMES)
    posted = (await client.post("/entities/by-query", json={"limit": 2, "query": {"kind": "component"}})).json()
    followed = await client.get("/entities/by-query", params={"cursor": posted["pageInfo"]["nextCursor"]})
    assert len(followed.json()["items"]) == len(NAMES) - 2
    nothing = await client.get("/entities/by-query", params={"cursor": posted["pageInfo"]["nextCursor"], "limit": 0})
    assert nothing.json() == {"items": [], "totalItems": len(NAMES), "pageInfo": {}}


async def test_a_count_can_be_left_out(client: httpx2.AsyncClient) -> None:
    """K110: `totalItems=exclude` is 0 on every page."""
    page = (await client.get("/entities/by-query?limit=5&totalItems=exclude")).json()
    assert page["totalItems"] == 0
    following = await client.get("/entities/by-query", params={"cursor": page["pageInfo"]["nextCursor"]})
    assert following.json()["totalItems"] == 0


async def test_a_facet_without_a_name_is_ignored_beside_others(client: httpx2.AsyncClient) -> None:
    """K186: empty facets are left out as long as one is left; filters narrow what is counted."""
    response = await client.get("/entity-facets?facet=&facet=kind&facet=Metadata.Name&filter=metadata.name=c01")
    assert response.json() == {
        "facets": {"kind": [{"value": "Component", "count": 1}], "Metadata.Name": [{"value": "c01", "count": 1}]}
    }


async def test_an_empty_listing_is_a_list(client: httpx2.AsyncClient) -> None:
    """K80: nothing found is `[]`, with and without fields."""
    for url in ("/entities?filter=kind=none", "/entities?filter=kind=none&fields=kind", "/entities?limit=1&offset=99"):
        assert (await client.get(url)).json() == []


async def run(app: ASGIApp, path: str) -> list[Message]:
    """Returns the messages that a GET request is answered with."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope: Scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    await app(scope, receive, send)
    return sent


async def test_everything_is_streamed(
    sqlite_catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K88: without paging the answer is sent in chunks, and is JSON as a whole."""
    from understage.catalog import service

    monkeypatch.setattr(service, "STREAM_CHUNK", 10)
    sqlite_catalog.write("a.yaml", "".join(map(make_component, NAMES)))
    await sqlite_catalog.start("a.yaml")
    start, *chunks = await run(
        create_router(sqlite_catalog.reads, sqlite_catalog.gate), "/entities?fields=metadata.name"
    )
    assert start["headers"] == [(b"content-type", b"application/json; charset=utf-8")]
    assert [chunk.get("more_body", False) for chunk in chunks] == [True, True, True, False]
    entities = json.loads(b"".join(chunk["body"] for chunk in chunks))
    assert len(entities) == len(NAMES) + 1


async def test_a_failure_before_the_first_chunk_is_answered(sqlite_catalog: Catalog) -> None:
    """K15, K88: headers are sent after the first rows were read, so that a failing database is an error answer."""
    await sqlite_catalog.database.execute("DROP TABLE search")
    await sqlite_catalog.database.execute("DROP TABLE final_entities")
    with pytest.raises(Exception, match="no such table"):
        await run(create_router(sqlite_catalog.reads, sqlite_catalog.gate), "/entities")


async def test_an_offset_counts_once(client: httpx2.AsyncClient) -> None:
    """K111: the offset is left out before the first page, and nothing before the second one."""
    query = "filter=kind=component&orderField=metadata.name,asc&limit=3&offset=5"
    first = (await client.get(f"/entities/by-query?{query}")).json()
    cursor = first["pageInfo"]["nextCursor"]
    second = (await client.get("/entities/by-query", params={"cursor": cursor, "limit": "3", "offset": "9"})).json()
    listed = [entity["metadata"]["name"] for page in (first, second) for entity in page["items"]]
    assert listed == NAMES[5:11]
    assert first["totalItems"] == len(NAMES)


async def test_stored_entities_have_no_entity_tag(client: httpx2.AsyncClient) -> None:
    """K18, K19: bodies of stored entities say that they want no ETag; computed ones leave it to the server."""
    assert (await client.get("/entities/by-name/component/default/c01")).headers["etag"] == ""
    assert (await client.get("/entities/by-query")).headers["etag"] == ""
    assert "etag" not in (await client.get("/entities/by-query?fields=kind")).headers
    assert "etag" not in (await client.get("/entity-facets?facet=kind")).headers


@given(st.binary(max_size=60))
def test_any_query_string_is_read_or_refused(query: bytes) -> None:
    """K22: no query string makes the reader fail other than by refusing it."""
    try:
        parameters = operations.GET_BY_QUERY.query.parse(query)
    except InputError:
        return
    assert set(parameters.texts) <= {one.name for one in operations.GET_BY_QUERY.query.parameters}
    assert all(isinstance(number, int) and number >= 0 for number in parameters.numbers.values())


async def test_stored_text_goes_out_as_it_was_stored(sqlite_catalog: Catalog, client: httpx2.AsyncClient) -> None:
    """K18: an entity is sent byte for byte as it is stored."""
    (text,) = await sqlite_catalog.database.fetch_row(
        "SELECT final_entity FROM final_entities WHERE entity_ref = $1", "component:default/c01"
    )
    response = await client.get("/entities/by-name/component/default/c01")
    assert response.content == text.encode()
    page = await client.get("/entities/by-query?filter=metadata.name=c01")
    assert page.content == f'{{"items":[{text}],"totalItems":1,"pageInfo":{{}}}}'.encode()
    assert msgspec.json.decode(page.content)["items"][0]["kind"] == "Component"


async def test_a_lifespan_and_other_protocols_do_no_harm(sqlite_catalog: Catalog) -> None:
    """The router completes the ASGI lifespan and leaves other protocols alone."""
    app = create_router(sqlite_catalog.reads, sqlite_catalog.gate)
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(events)

    async def send(message: Message) -> None:
        sent.append(message)

    receiver: Receive = receive
    sender: Send = send
    await app({"type": "lifespan"}, receiver, sender)
    await app({"type": "websocket"}, receiver, sender)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

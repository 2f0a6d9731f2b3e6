"""Remembered answers, and pages that are too long to be held."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.waiting import until

from understage.catalog import router, service
from understage.catalog.http.replies import MAX_REPLY_BYTES, Replies, Reply
from understage.catalog.query.predicates import EVERYTHING, HasValue
from understage.catalog.router import create_router
from understage.catalog.totals import CHANGES_CHANNEL, MAX_VALUES, Totals
from understage.plugin_api import DatabaseService
from understage.testing import mock_error_handler

Catalog = Any
Component = Callable[[str], str]
NAMES = [f"c{number:02d}" for number in range(25)]


class FakeTotals(Totals):
    """Hears what a test tells it."""

    def __init__(self) -> None:
        self.time = 0.0
        super().__init__(None, clock=lambda: self.time)  # type: ignore[arg-type]
        self._hears_changes = True

    def deafen(self) -> None:
        self._hears_changes = False


def maker(*bodies: bytes) -> tuple[Callable[[], Awaitable[Reply]], list[bytes]]:
    """Returns a function that makes a new answer each time, and those that it has made."""
    made: list[bytes] = []

    async def make() -> Reply:
        made.append(bodies[len(made)])
        return Reply(made[-1])

    return make, made


async def test_an_answer_is_made_once_until_something_changes() -> None:
    """K100, K180: the same question has the same answer until a change, or for two seconds."""
    totals = FakeTotals()
    replies = Replies(totals)
    make, made = maker(b"1", b"2", b"3", b"4")
    assert [(await replies.remembered("key", make)).body for _ in range(3)] == [b"1"] * 3
    totals.invalidate()
    assert (await replies.remembered("key", make)).body == b"2"
    totals.time += 2
    assert (await replies.remembered("key", make)).body == b"3"
    assert replies.size == Reply(b"3").size
    totals.deafen()
    assert (await replies.remembered("key", make)).body == b"4"
    assert len(made) == 4


async def test_an_answer_from_before_a_change_is_not_kept() -> None:
    """K100: what was read while something changed is answered, but asked for anew the next time."""
    totals = FakeTotals()
    replies = Replies(totals)

    async def overtaken() -> Reply:
        totals.invalidate()
        return Reply(b"old")

    assert (await replies.remembered("key", overtaken)).body == b"old"
    make, _ = maker(b"new")
    assert (await replies.remembered("key", make)).body == b"new"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), st.booleans()), max_size=60))
async def test_what_is_remembered_stays_within_its_bytes(steps: list[tuple[int, int, bool]]) -> None:
    """K100: answers together take no more than the limit, and the sum is right whatever comes and goes."""
    totals = FakeTotals()
    replies = Replies(totals, max_bytes=100)
    for key, length, changes in steps:
        if changes:
            totals.invalidate()
        make, _ = maker(bytes(length))
        await replies.remembered(key, make)
        assert 0 <= replies.size <= 100
        assert replies.size == sum(entry.reply.size for entry in replies._entries.values())


async def test_what_is_remembered_of_facets_is_bounded() -> None:
    """K180: long lists of values push each other out, and a very long one is not remembered at all."""
    totals = FakeTotals()
    asked: list[object] = []

    async def facet(key: object, length: int) -> None:
        async def make() -> list[int]:
            asked.append(key)
            return [0] * length

        await totals.remembered(key, make)

    for key in ("a", "b", "c", "c", "b", "a"):
        await facet(key, MAX_VALUES // 2)
    assert asked == ["a", "b", "c", "a"]
    for _ in range(2):
        await facet("long", MAX_VALUES)
    assert asked[4:] == ["long", "long"]


async def test_a_very_long_answer_is_not_kept() -> None:
    """K100: an answer of more than a megabyte is made each time."""
    make, made = maker(bytes(MAX_REPLY_BYTES + 1), b"")
    replies = Replies(FakeTotals())
    await replies.remembered("key", make)
    await replies.remembered("key", make)
    assert len(made) == 2


async def test_changes_of_other_replicas_are_heard(database: DatabaseService) -> None:
    """K100: answers are remembered while notifications arrive, and forgotten with the first one."""
    totals = Totals(database)
    assert not totals.hears_changes
    task = asyncio.create_task(totals.follow_changes())
    await until(lambda: totals.hears_changes)
    generation = totals.generation
    await database.notify(CHANGES_CHANNEL)
    await until(lambda: totals.generation != generation)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert not totals.hears_changes


@pytest.fixture
async def client(sqlite_catalog: Catalog, make_component: Component) -> AsyncIterator[httpx2.AsyncClient]:
    sqlite_catalog.write("a.yaml", "".join(map(make_component, NAMES)))
    await sqlite_catalog.start("a.yaml")
    sqlite_catalog.totals._hears_changes = True
    app = mock_error_handler(create_router(sqlite_catalog.reads, sqlite_catalog.gate))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("accepted", ["gzip, deflate", "identity", "gzip;q=0", "*"])
async def test_remembered_pages_are_compressed_once(client: httpx2.AsyncClient, accepted: str) -> None:
    """K18, K100: a client that takes gzip is sent the remembered page so, with the same text in it; others are not."""
    url = "/entities/by-query?filter=kind=component"
    headers = {"accept-encoding": accepted}
    pages = [await client.get(url, headers=headers) for _ in range(3)]
    assert {page.headers.get("content-encoding") for page in pages} == {"gzip" if accepted == "gzip, deflate" else None}
    plain = await client.get(url, headers={"accept-encoding": "identity"})
    assert {page.content for page in pages} == {plain.content}
    assert plain.headers["content-length"] == str(len(plain.content))
    facets = await client.get("/entity-facets?facet=metadata.name", headers=headers)
    assert "content-encoding" not in facets.headers


async def test_who_may_see_less_is_not_given_what_others_saw(
    sqlite_catalog: Catalog, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K117, K261, K263: a remembered answer is for those only who may see the same."""
    urls = ("/entities/by-query", "/entity-facets?facet=kind", "/entities?limit=5")
    everything = [(await client.get(url)).content for url in urls]
    refs = {"entityRefs": ["component:default/c01"]}
    all_refs = (await client.post("/entities/by-refs", json=refs)).content

    async def readable(_request: object) -> Any:
        return HasValue("kind", ("location",))

    monkeypatch.setattr(sqlite_catalog.gate, "readable", readable)
    for url, before in zip(urls, everything, strict=True):
        assert (await client.get(url)).content != before
    assert (await client.post("/entities/by-refs", json=refs)).json() == {"items": [None]}

    async def all_readable(_request: object) -> Any:
        return EVERYTHING

    monkeypatch.setattr(sqlite_catalog.gate, "readable", all_readable)
    assert [(await client.get(url)).content for url in urls] == everything
    assert (await client.post("/entities/by-refs", json=refs)).content == all_refs


async def test_a_change_shows_at_once(
    sqlite_catalog: Catalog, client: httpx2.AsyncClient, make_component: Component
) -> None:
    """K100, K180: the first request after a change is answered anew."""
    url = "/entities/by-query?limit=0&filter=kind=component"
    assert (await client.get(url)).json()["totalItems"] == 25
    sqlite_catalog.write("a.yaml", "".join(map(make_component, NAMES[:20])))
    await sqlite_catalog.later()
    assert (await client.get(url)).json()["totalItems"] == 20
    facets = (await client.get("/entity-facets?facet=kind")).json()["facets"]["kind"]
    assert {"value": "Component", "count": 20} in facets


@pytest.mark.parametrize(
    "url",
    [
        "/entities/by-query?limit={}&orderField=metadata.name,desc&filter=kind=component",
        "/entities/by-query?limit={}",
        "/entities/by-query?limit={}&fields=metadata.name&offset=3",
        "/entities/by-query?limit={}&filter=kind=nothing",
        "/entities?limit={}&order=asc:metadata.name",
        "/entities?limit={}&offset=4&fields=metadata.name",
        "/entities?limit={}&filter=kind=nothing",
        "/entities?offset=2",
    ],
)
@pytest.mark.parametrize("limit", [11, 20, 25, 26, 27, 500])
async def test_a_long_page_is_streamed_with_the_same_text(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, url: str, limit: int
) -> None:
    """K101: a limit may be as large as it likes: the answer is sent in pieces, which together are the same text."""
    whole = await client.get(url.format(limit))
    monkeypatch.setattr(service, "STREAM_CHUNK", 4)
    monkeypatch.setattr(service, "FIRST_CHUNK", 3)
    pieces = await client.get(url.format(limit))
    assert pieces.content == whole.content
    assert pieces.headers.get("link") == whole.headers.get("link")


async def test_a_long_page_backwards_is_shortened(client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """K101: with a cursor that leads back, more than ten thousand are not sent at once; the rest is a further page.

    deviation: upstream reads them all into memory.
    """
    monkeypatch.setattr(router, "LONGEST_PAGE_BACK", 5)
    first = (await client.get("/entities/by-query?limit=20")).json()
    second = (await client.get("/entities/by-query", params={"cursor": first["pageInfo"]["nextCursor"]})).json()
    cursor = second["pageInfo"]["prevCursor"]
    back = (await client.get("/entities/by-query", params={"cursor": cursor, "limit": 5000})).json()
    assert back["items"] == first["items"][-5:]
    assert "prevCursor" in back["pageInfo"]


def test_chunks_follow_the_size_of_entities() -> None:
    """K88: the larger entities are, the fewer are read at once."""
    assert service.next_chunk(["x" * 100] * 10) == service.STREAM_CHUNK
    assert service.next_chunk(["x" * 200_000] * 10) == service.CHUNK_CHARACTERS // 200_001
    assert service.next_chunk(["x" * 10_000_000]) == 1
    assert service.next_chunk([]) == service.STREAM_CHUNK

"""Locations that are addresses: reading, etags, patterns, what hosts ask for."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from understage.catalog.processing.postponing import postponed_by
from understage.catalog.reading.shared_reads import CONCURRENT_READS, SHARED_SECONDS, SILENT_SECONDS, SharedReads
from understage.catalog_api import CatalogProcessor, Emit, EntityJson, LocationRef, ProcessorCache
from understage.errors import (
    ForwardedError,
    InputError,
    NotFoundError,
    NotModifiedError,
    ServiceUnavailableError,
    UnderstageError,
)
from understage.plugin_api import UrlReaderReadUrlResponse
from understage.testing import MockUrlReader

Catalog = Any
Component = Callable[..., str]

ONE = "https://github.com/acme/shop/blob/main/catalog-info.yaml"
TWO = "https://github.com/acme/shop/blob/main/teams/catalog-info.yaml"


class Moody(MockUrlReader):
    """A reader whose host answers some addresses with an error."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        super().__init__(files)
        self.moods: dict[str, UnderstageError] = {}
        self.etags: list[str | None] = []
        self.under_way = self.most_under_way = 0

    async def read_url(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified_after: datetime | None = None,
        token: str | None = None,
        max_bytes: int | None = None,
    ) -> UrlReaderReadUrlResponse:
        self.etags.append(etag)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if url in self.moods:
            self.requests.append(url)
            raise self.moods[url]
        return await super().read_url(url, etag=etag, max_bytes=max_bytes)


@pytest.fixture
def web(catalog: Catalog) -> Moody:
    """Gives the reader of the catalog under test, whose answers are not shared for longer than a round."""
    catalog.web = Moody()
    return catalog.web  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def no_sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes time pass between rounds, as it does in a running backend."""
    monkeypatch.setattr("understage.catalog.reading.shared_reads.SHARED_SECONDS", -1.0)


def addresses(*targets: str) -> dict[str, Any]:
    return {"locations": [{"type": "url", "target": target} for target in targets]}


def location(*targets: str, name: str = "places", **spec: object) -> str:
    return (
        f"---\napiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{name: {name}}}\n"
        f"spec: {{targets: [{', '.join(targets)}]{''.join(f', {key}: {value}' for key, value in spec.items())}}}\n"
    )


async def refresh_keys(catalog: Catalog, ref: str) -> list[str]:
    rows = await catalog.database.fetch(
        "SELECT k.key FROM refresh_keys k JOIN refresh_state s ON s.entity_id = k.entity_id"
        " WHERE s.entity_ref = $1 ORDER BY k.key",
        ref,
    )
    return [row[0] for row in rows]


async def status(catalog: Catalog, ref: str) -> list[str]:
    entity = await catalog.get(ref)
    return [item["message"] for item in (entity or {}).get("status", {}).get("items", [])]


async def test_an_address_is_read_again_only_when_it_has_changed(
    catalog: Catalog, web: Moody, make_component: Component
) -> None:
    """K435: the etag of what was read is sent with the next read, and what has not changed is not stored again."""
    web.files[ONE] = make_component("web")
    await catalog.start(catalog=addresses(ONE))
    assert await catalog.refs() == ["component:default/web"]
    before = await catalog.snapshot()
    await catalog.later()
    assert web.etags[0] is None
    assert web.etags[1] is not None
    assert await catalog.snapshot() == before
    web.files[ONE] = make_component("shop")
    await catalog.later()
    assert await catalog.refs() == ["component:default/shop"]


async def test_entities_of_addresses_know_where_to_view_and_edit_them(
    catalog: Catalog, web: Moody, make_component: Component
) -> None:
    """K364, K365: view, edit and source annotations follow from the address; the entity's own win."""
    web.files[ONE] = make_component("web") + make_component("own").replace(
        "{name: own}", "{name: own, annotations: {backstage.io/edit-url: 'https://own'}}"
    )
    await catalog.start(catalog=addresses(ONE))
    assert (await catalog.get("component:default/web"))["metadata"]["annotations"] == {
        "backstage.io/managed-by-location": f"url:{ONE}",
        "backstage.io/managed-by-origin-location": f"url:{ONE}",
        "backstage.io/view-url": ONE,
        "backstage.io/edit-url": "https://github.com/acme/shop/edit/main/catalog-info.yaml",
        "backstage.io/source-location": "url:https://github.com/acme/shop/tree/main/",
    }
    own = (await catalog.get("component:default/own"))["metadata"]["annotations"]
    assert own["backstage.io/edit-url"] == "https://own"


async def test_a_fixed_commit_cannot_be_edited(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K365: an address that holds a commit gets no edit annotation, one of an unknown host only the view."""
    commit = f"https://github.com/acme/shop/blob/{'a1' * 20}/catalog-info.yaml"
    plain = "https://files.example.com/catalog-info.yaml"
    web.files |= {commit: make_component("fixed"), plain: make_component("plain")}
    await catalog.start(catalog=addresses(commit, plain))
    fixed = (await catalog.get("component:default/fixed"))["metadata"]["annotations"]
    assert "backstage.io/edit-url" not in fixed
    assert fixed["backstage.io/source-location"] == f"url:https://github.com/acme/shop/tree/{'a1' * 20}/"
    annotations = (await catalog.get("component:default/plain"))["metadata"]["annotations"]
    assert sorted(annotations) == [
        "backstage.io/managed-by-location",
        "backstage.io/managed-by-origin-location",
        "backstage.io/view-url",
    ]


async def test_targets_are_relative_to_the_address(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K382, K421: a Location's type is its parent's, its targets are relative to its file, the origin stays."""
    other = "https://github.com/acme/shop/tree/main/teams/catalog-info.yaml"
    web.files |= {ONE: location("./teams/catalog-info.yaml"), other: make_component("web")}
    await catalog.start(catalog=addresses(ONE))
    annotations = (await catalog.get("component:default/web"))["metadata"]["annotations"]
    assert annotations["backstage.io/managed-by-location"] == f"url:{other}"
    assert annotations["backstage.io/managed-by-origin-location"] == f"url:{ONE}"


async def test_a_pattern_reads_all_that_match(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K385, K435: an address with `*` is searched, each entity's location is its own file, and the etag counts too."""
    pattern = "https://github.com/acme/shop/blob/main/**/catalog-info.yaml"
    web.files |= {ONE: make_component("shop"), TWO: make_component("team")}
    await catalog.start(catalog=addresses(pattern))
    assert await catalog.refs() == ["component:default/shop", "component:default/team"]
    team = await catalog.get("component:default/team")
    assert team["metadata"]["annotations"]["backstage.io/managed-by-location"] == f"url:{TWO}"
    before = await catalog.snapshot()
    await catalog.later()
    assert await catalog.snapshot() == before
    del web.files[ONE]
    await catalog.later()
    assert await catalog.refs() == ["component:default/team"]


async def test_what_is_missing_is_an_error_unless_optional(
    catalog: Catalog, web: Moody, make_component: Component
) -> None:
    """K384, K432: a missing target is an error of its Location, until the file is there; optional ones may lack."""
    gone = "https://github.com/acme/shop/tree/main/gone.yaml"
    web.files |= {ONE: location("./gone.yaml") + location("./gone.yaml", name="maybe", presence="optional")}
    await catalog.start(catalog=addresses(ONE))
    assert await catalog.get("location:default/places") is None
    assert await status(catalog, "location:default/maybe") == []
    assert "no matching files found" in " ".join(catalog.logs.problems())
    web.files[gone] = make_component("web")
    await catalog.later()
    assert await catalog.refs() == ["component:default/web"]
    assert await status(catalog, "location:default/places") == []


async def test_a_read_that_fails_keeps_what_was_read(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K432: while a host fails, entities stay and the Location says why; the same etag afterwards clears the error."""
    web.files[ONE] = location("./teams/catalog-info.yaml")
    other = "https://github.com/acme/shop/tree/main/teams/catalog-info.yaml"
    web.files[other] = make_component("web")
    await catalog.start(catalog=addresses(ONE))
    web.moods[other] = UnderstageError("500 from the host")
    for _ in range(6):
        await catalog.later()
        assert await catalog.refs() == ["component:default/web"]
        assert any("500 from the host" in text for text in await status(catalog, "location:default/places"))
    del web.moods[other]
    await catalog.later()
    assert await catalog.refs() == ["component:default/web"]
    assert await status(catalog, "location:default/places") == []


async def test_a_host_that_wants_a_pause_gets_it(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K432, K406: a Location whose host asks for a pause is due when that is over, and is not reported as broken.

    deviation: a rate limit is no error of the Location, which would say nothing about its file.
    """
    web.files[ONE] = make_component("web")
    await catalog.start(catalog=addresses(ONE))
    rows = await catalog.database.fetch("SELECT entity_ref FROM refresh_state WHERE entity_ref LIKE 'location:%'")
    ref = rows[0][0]
    before = await catalog.snapshot()
    web.moods[ONE] = ServiceUnavailableError("github.com wants no requests", retry_after=1000)
    start = datetime.now(UTC)
    await catalog.later()
    row = await catalog.database.fetch_row("SELECT next_update_at FROM refresh_state WHERE entity_ref = $1", ref)
    due = row[0] if isinstance(row[0], datetime) else datetime.fromisoformat(row[0])
    assert start + timedelta(seconds=999) < due.astimezone(UTC) < datetime.now(UTC) + timedelta(seconds=1002)
    assert await catalog.snapshot() == before
    assert await status(catalog, ref) == []
    del web.moods[ONE]
    web.files[ONE] = make_component("shop")
    await catalog.later()
    assert await catalog.refs() == ["component:default/shop"]


async def test_a_pause_does_not_hold_up_other_targets(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K432: what could be read of a Location is taken, and the rest follows when its host may be asked again."""
    slow, fast = "https://slow.example.com/a.yaml", "https://fast.example.com/b.yaml"
    web.files |= {ONE: location(slow, fast), slow: make_component("slow"), fast: make_component("fast")}
    web.moods[slow] = ServiceUnavailableError("wants no requests", retry_after=60)
    await catalog.start(catalog=addresses(ONE))
    assert await catalog.refs() == ["component:default/fast"]
    assert await status(catalog, "location:default/places") == []
    del web.moods[slow]
    await catalog.later()
    assert await catalog.refs() == ["component:default/fast", "component:default/slow"]
    web.moods[slow] = ServiceUnavailableError("wants no requests", retry_after=60)
    web.files[fast] = make_component("faster")
    await catalog.later()
    assert await catalog.refs() == ["component:default/fast", "component:default/faster", "component:default/slow"]
    del web.moods[slow]
    await catalog.later()
    assert await catalog.refs() == ["component:default/faster", "component:default/slow"]


async def test_several_targets_are_remembered_each(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K435: of a Location with several targets only what has changed is sent by the host, and the rest stays."""
    one, two = "https://files.example.com/a.yaml", "https://files.example.com/b.yaml"
    web.files |= {ONE: location(one, two), one: make_component("a"), two: make_component("b")}
    await catalog.start(catalog=addresses(ONE))
    before = await catalog.snapshot()
    web.etags.clear()
    await catalog.later()
    assert len(web.etags) == 3
    assert None not in web.etags
    assert await catalog.snapshot() == before
    web.files[two] = make_component("c")
    web.etags.clear()
    await catalog.later()
    assert None not in web.etags
    assert await catalog.refs() == ["component:default/a", "component:default/c"]


async def test_a_broken_document_leaves_its_neighbours_alone(
    catalog: Catalog, web: Moody, make_component: Component
) -> None:
    """K376: the good documents of an address are taken over, the broken one is told with address and line."""
    web.files[ONE] = location(TWO)
    web.files[TWO] = make_component("web") + "---\nkind: [\n"
    await catalog.start(catalog=addresses(ONE))
    assert await catalog.refs() == ["component:default/web"]
    (text,) = await status(catalog, "location:default/places")
    assert TWO in text
    await catalog.later()
    assert len(await status(catalog, "location:default/places")) == 1


async def test_what_was_read_names_its_refresh_keys(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K430, K546: a Location has a refresh key for each address that it reads, also after a run without changes."""
    web.files |= {ONE: location(TWO), TWO: make_component("web")}
    await catalog.start(catalog=addresses(ONE))
    await catalog.later()
    assert await refresh_keys(catalog, "location:default/places") == [f"url:{TWO}"]


class Faulty(CatalogProcessor):
    """Fails after Locations were read, as long as it is told to."""

    fails = True

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if self.fails and entity["kind"] == "Location":
            raise InputError("not today")
        return entity


async def test_what_was_read_but_not_stored_is_read_again(
    catalog: Catalog, web: Moody, make_component: Component
) -> None:
    """K425, K435: after a run that failed for another reason, an unchanged address still brings its entities."""
    faulty = Faulty()
    web.files[ONE] = make_component("web")
    await catalog.start(catalog=addresses(ONE), processors=[faulty])
    assert await catalog.refs() == []
    faulty.fails = False
    await catalog.later()
    assert await catalog.refs() == ["component:default/web"]


class Counting(CatalogProcessor):
    """Counts its runs in the cache, writes once only, and reports an error."""

    seen: list[object]
    fails = True

    def __init__(self) -> None:
        self.seen = []

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if entity["kind"] == "Component":
            self.seen.append(cache.get("note"))
            if len(self.seen) == 1:
                cache.set("note", "kept")
            elif self.fails:
                emit.error(InputError("broken"))
        return entity


async def test_memory_outlasts_five_failing_runs(catalog: Catalog, make_component: Component) -> None:
    """K434, K547: what a processor remembers stays if it writes nothing, and is dropped when five runs have failed."""
    catalog.write("a.yaml", make_component("web"))
    counting = Counting()
    await catalog.start("a.yaml", processors=[counting])
    for _ in range(6):
        await catalog.later()
    assert counting.seen == [None, *["kept"] * 5, None]


class Leading(CatalogProcessor):
    """Leads from a component to an address."""

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if entity["metadata"]["name"] == "shop":
            emit.location(LocationRef("url", ONE))
        return entity


async def test_a_processor_may_lead_to_a_location(catalog: Catalog, web: Moody, make_component: Component) -> None:
    """K546: an emitted location becomes a Location entity, held by where its parent was found, and is read."""
    web.files[ONE] = make_component("web")
    path = catalog.write("a.yaml", make_component("shop"))
    await catalog.start("a.yaml", processors=[Leading()])
    assert await catalog.refs() == ["component:default/shop", "component:default/web"]
    annotations = (await catalog.get("component:default/web"))["metadata"]["annotations"]
    assert annotations["backstage.io/managed-by-origin-location"] == f"file:{path}"


async def test_the_same_address_is_read_once_a_round() -> None:
    """K435: whoever asks for an address while others do, or just did, shares their answer."""
    web, now = Moody({ONE: "a: 1"}), [0.0]
    reads = SharedReads(web, lambda: now[0])
    answers = await asyncio.gather(*(reads.read(ONE) for _ in range(20)))
    assert {answer.files for answer in answers} == {((ONE, b"a: 1"),)}
    assert len(web.requests) == 1
    with pytest.raises(NotModifiedError):
        await reads.read(ONE, answers[0].etag)
    now[0] += SHARED_SECONDS + 10
    await reads.read(ONE)
    assert len(web.requests) == 3


async def test_few_addresses_are_read_at_once() -> None:
    """K435: at most five reads are under way together."""
    files = {f"https://x/{number}": "a: 1" for number in range(20)}
    web = Moody(files)
    reads = SharedReads(web)
    await asyncio.gather(*(reads.read(url) for url in files))
    assert len(web.requests) == 20
    assert web.most_under_way == CONCURRENT_READS


async def test_a_host_that_does_not_answer_is_left_alone_for_a_while() -> None:
    """K408: a silent host is asked by a few reads only, so that it does not hold up the Locations of all others."""
    files = {f"https://dead/{number}": "a: 1" for number in range(50)}
    web, now = Moody(files), [0.0]
    web.moods = dict.fromkeys(files, ServiceUnavailableError("no answer in time"))
    reads = SharedReads(web, lambda: now[0])
    errors = await asyncio.gather(*(reads.read(url) for url in files), return_exceptions=True)
    assert all(isinstance(error, ServiceUnavailableError) for error in errors)
    assert len(web.requests) <= CONCURRENT_READS
    assert "did not answer a moment ago: no answer in time" in str(errors[-1])
    web.files["https://alive/1"] = "b: 2"
    assert (await reads.read("https://alive/1")).files
    web.moods.clear()
    now[0] += SILENT_SECONDS + 1
    assert (await reads.read("https://dead/1")).files


async def test_who_gives_up_leaves_the_others_their_answer() -> None:
    """K435: a reader that is cancelled takes the answer from nobody; when nobody waits any more, nothing is read."""
    web = Moody({ONE: "a: 1"})
    reads = SharedReads(web)
    first, second = asyncio.create_task(reads.read(ONE)), asyncio.create_task(reads.read(ONE))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).files == ((ONE, b"a: 1"),)
    alone = asyncio.create_task(reads.read(TWO))
    await asyncio.sleep(0)
    alone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone
    with pytest.raises(NotFoundError):
        await reads.read(TWO)


def test_a_pause_is_found_behind_other_errors() -> None:
    """K432: an error that was caused by a host's wish for a pause counts as that wish."""
    pause = ServiceUnavailableError("later", retry_after=5)
    assert postponed_by(ForwardedError("a", InputError("b", pause))) is pause
    assert postponed_by(ServiceUnavailableError("down")) is None

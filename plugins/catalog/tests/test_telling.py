"""What the catalog tells of its work: events, metrics; and how it leaves alone what keeps failing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.metrics import CatalogSizes
from understage.catalog.processing.announcing import MAX_WAITING, Announcer
from understage.catalog.processing.pausing import LONGEST_PAUSE_FACTOR, pause_factor
from understage.catalog_api import CONFLICT_TOPIC, ERRORS_TOPIC, CatalogProcessor

Catalog = Any
Component = Callable[..., str]

WEB = "component:default/web"


async def told(catalog: Catalog, topic: str) -> list[Any]:
    await catalog.running.announcer.publish_waiting()
    events = [event.payload for event in catalog.events.published if event.topic == topic]
    catalog.events.published.clear()
    return events


async def test_a_conflict_is_told(catalog: Catalog, make_component: Component) -> None:
    """K570: who was refused a name, and who has it, is published with the entity, once."""
    catalog.write("a.yaml", make_component("web", owner="a"))
    catalog.write("b.yaml", make_component("web", owner="b"))
    await catalog.start("a.yaml")
    await catalog.start("a.yaml", "b.yaml")
    (payload,) = await told(catalog, CONFLICT_TOPIC)
    at = datetime.fromisoformat(payload.pop("lastConflictAt"))
    assert at.tzinfo is not None
    entity = payload.pop("unprocessedEntity")
    assert (entity["kind"], entity["metadata"]["name"], entity["spec"]["owner"]) == ("Component", "web", "b")
    assert payload == {
        "entityRef": WEB,
        "newLocationKey": f"file:{catalog.folder}/b.yaml",
        "existingLocationKey": f"file:{catalog.folder}/a.yaml",
    }
    await catalog.later()
    assert await told(catalog, CONFLICT_TOPIC) == []


async def test_a_conflict_without_a_key_is_not_told(catalog: Catalog, make_provider: Any, make_deferred: Any) -> None:
    """K570: what providers are refused is logged, not published."""
    one, two = make_provider("one"), make_provider("two")
    await catalog.start(providers=[one, two])
    await one.full(make_deferred("web"))
    await two.full(make_deferred("web", "url:http://x/other"))
    assert await told(catalog, CONFLICT_TOPIC) == []
    assert len(catalog.logs.problems()) == 1


async def test_errors_are_told_in_every_run(catalog: Catalog) -> None:
    """K571: an entity with errors is published with them, each time that it is looked at."""
    catalog.write("a.yaml", "apiVersion: v1\nkind: Strange\nmetadata: {name: web}\n")
    strange = {"rules": [{"allow": ["Strange", "Location"]}]}
    await catalog.start("a.yaml", catalog=strange)
    for _ in range(2):
        (payload,) = await told(catalog, ERRORS_TOPIC)
        assert payload["entity"] == "strange:default/web"
        assert payload["location"] == f"file:{catalog.folder}/a.yaml"
        (error,) = payload["errors"]
        assert error["name"] == "InputError"
        assert error["message"].startswith("No processor recognized the entity strange:default/web as valid")
        assert msgspec.json.decode(msgspec.json.encode(payload)) == payload
        await catalog.later()
    assert len(catalog.logs.problems()) == 1, "the log is told once"


async def test_events_that_cannot_be_published_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """K571: while the bus is away the oldest events are dropped, and publishing goes on afterwards."""
    published: list[Any] = []

    class Bus:
        is_away = True

        async def publish(self, topic: str, payload: Any, *, metadata: Any = None) -> None:
            if self.is_away:
                raise OSError("away")
            published.append(payload["number"])

        async def subscribe(self, subscription_id: str, topics: Any, on_event: Any) -> None: ...

    class Log:
        problems: list[str]

        def warning(self, message: str, /, **metadata: object) -> None:
            bus.is_away = False

    monkeypatch.setattr("understage.catalog.processing.announcing.PAUSE_AFTER_FAILURE_SECONDS", 0)
    bus = Bus()
    announcer = Announcer(bus, Log())  # type: ignore[arg-type]  # all that is used of it
    for number in range(MAX_WAITING + 2):
        announcer.tell("topic", {"number": number})
    await announcer.publish_waiting()
    assert (published[0], published[-1], len(published)) == (3, MAX_WAITING + 1, MAX_WAITING - 1)


async def test_processing_is_measured(catalog: Catalog, make_component: Component) -> None:
    """K486: how many entities were processed with which result, how long it took and how late they were."""
    catalog.write("a.yaml", make_component("web") + make_component("broken", owner=[]))
    await catalog.start("a.yaml")
    metrics = catalog.metrics
    count = "catalog.processed.entities.count"
    assert metrics.total(count, {"result": "changed"}) == 2
    assert metrics.total(count, {"result": "errors"}) == 1
    await catalog.later()
    assert metrics.total(count, {"result": "unchanged"}) == 3
    results = [one.attributes["result"] for one in metrics.measurements("catalog.processors.duration")]
    assert sorted(set(results)) == ["failed", "ok"]
    assert len(metrics.measurements("catalog.processing.duration")) == 6
    assert all(one.value >= 0 for one in metrics.measurements("catalog.processing.queue.delay"))
    assert metrics.measurements("catalog.processing.queue.delay")


async def test_stitching_is_measured(catalog: Catalog, make_component: Component) -> None:
    """K486: how many entities were stitched with which result, how long it took and how late they were."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    assert catalog.metrics.total("catalog.stitched.entities.count", {"result": "changed"}) == 2
    for name in ("catalog.stitching.duration", "catalog.stitching.queue.delay"):
        assert all(one.value >= 0 for one in catalog.metrics.measurements(name))
        assert catalog.metrics.measurements(name)


async def test_failures_are_measured(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K486: what could not be stored, and stitches that failed, are counted as such."""

    async def broken(*_: Any) -> Any:
        raise OSError("broken")

    catalog.write("a.yaml", make_component("web"))
    with monkeypatch.context() as patched:
        patched.setattr("understage.catalog.processing.engine.store_batch", broken)
        with pytest.raises(OSError, match="broken"):
            await catalog.start("a.yaml")
    assert catalog.metrics.total("catalog.processed.entities.count", {"result": "failed"}) == 1
    await catalog.later()
    await catalog.database.execute("DELETE FROM final_entities")
    monkeypatch.setattr("understage.catalog.processing.engine.stitch_batch", broken)
    with pytest.raises(OSError, match="broken"):
        await catalog.running.engine.stitch_due()
    assert catalog.metrics.total("catalog.stitched.entities.count", {"result": "error"}) == 1


async def test_sizes_are_counted_while_somebody_looks(catalog: Catalog, make_component: Component) -> None:
    """K485: entities by kind, locations, relations and what waits are counted, but only if the numbers are read."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    if catalog.database.dialect == "postgres":
        await catalog.database.execute("ANALYZE relations")
    now = 0.0
    metrics = type(catalog.metrics)()
    sizes = CatalogSizes(metrics, catalog.database, clock=lambda: now)
    await sizes.count()
    assert metrics.measurements("catalog.processing.queue.length") == []
    assert metrics.measurements("catalog.processing.queue.age") == []
    await sizes.count()
    assert metrics.total("catalog_entities_count", {"kind": "component"}) == 1
    assert metrics.total("catalog_entities_count", {"kind": "location"}) == 1
    assert metrics.total("catalog_relations_count") == 2
    assert metrics.total("catalog_registered_locations_count") == 0
    assert metrics.total("catalog.stitching.queue.length") == 0
    assert metrics.total("catalog.processing.queue.length") == 0
    assert metrics.total("catalog.processing.queue.age") == 0
    await catalog.database.execute("UPDATE refresh_state SET next_update_at = $1", datetime(2026, 1, 1, tzinfo=UTC))
    await catalog.database.execute("DELETE FROM final_entities WHERE kind = 'component'")
    await sizes.count()
    assert metrics.total("catalog.processing.queue.length") == 0, "the numbers are still fresh"
    now = 31.0
    await sizes.count()
    assert metrics.total("catalog.processing.queue.length") == 2
    assert metrics.total("catalog.processing.queue.age") > 0
    assert metrics.total("catalog_entities_count", {"kind": "component"}) == 0


@given(st.integers(min_value=0, max_value=10**9))
def test_pauses_grow_and_are_bounded(failures: int) -> None:
    """K406: an entity that fails again waits longer than before, eight times the interval at most.

    deviation: upstream looks at what fails as often as at all else.
    """
    assert 1 <= pause_factor(failures) <= pause_factor(failures + 1) <= LONGEST_PAUSE_FACTOR


async def pauses(catalog: Catalog) -> dict[str, float]:
    rows = await catalog.database.fetch("SELECT entity_ref, failures FROM refresh_state ORDER BY entity_ref")
    return dict(rows)


async def test_what_keeps_failing_is_left_alone_for_longer(catalog: Catalog, make_component: Component) -> None:
    """K406: pauses grow with each failing run, of this entity alone; new content or a good run ends that."""

    class Moody(CatalogProcessor):
        is_broken = True

        async def post_process_entity(self, entity: Any, **_: Any) -> Any:
            if self.is_broken and entity["metadata"]["name"] == "web":
                raise OSError("moody")
            return entity

    moody = Moody()
    catalog.write("a.yaml", make_component("web") + make_component("good"))
    await catalog.start("a.yaml", processors=[moody], catalog={"processingInterval": {"hours": 1}})
    for failures in range(1, 6):
        assert (await pauses(catalog))[WEB] == failures
        query = "SELECT next_update_at FROM refresh_state WHERE entity_ref = $1"
        ((due,),) = await catalog.database.fetch(query, WEB)
        at = due if isinstance(due, datetime) else datetime.fromisoformat(due)
        hours = (at - datetime.now(UTC)).total_seconds() / 3600
        assert 0.9 * pause_factor(failures) < hours < 1.6 * pause_factor(failures)
        await catalog.later()
    assert (await pauses(catalog))["component:default/good"] == 0
    catalog.write("a.yaml", make_component("web", owner="other") + make_component("good"))
    await catalog.later()
    assert (await pauses(catalog))[WEB] == 1
    moody.is_broken = False
    await catalog.later()
    assert (await pauses(catalog))[WEB] == 0

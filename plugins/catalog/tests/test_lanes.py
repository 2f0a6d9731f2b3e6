"""Lanes share the work: what one of them brings is done by the others, while it is still at it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.waiting import until
from typing_extensions import override

from understage.catalog.processing import lanes
from understage.catalog.processing.engine import Engine
from understage.catalog_api import CatalogProcessor, Emit, EntityJson, LocationRef, ProcessorCache

Catalog = Any
Component = Callable[..., str]
MANY = 300


class SlowPlace(CatalogProcessor):
    """Reads places of the type `slow`, which answer only when some component has been processed."""

    def __init__(self) -> None:
        self.component_seen = asyncio.Event()

    @override
    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        if location.type != "slow":
            return False
        await self.component_seen.wait()
        return True

    @override
    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        if entity["kind"] == "Component":
            self.component_seen.set()
        return entity


async def test_what_one_lane_brings_is_done_by_another(catalog: Catalog, make_component: Component) -> None:
    """K405: a lane that has found nothing to do takes up what a file brought, though its batch is not yet over."""
    place = SlowPlace()
    catalog.write("many.yaml", "\n".join(make_component(f"c{number}") for number in range(MANY)))
    slow = {"type": "slow", "target": "somewhere"}
    files = {"type": "file", "target": str(catalog.folder / "many.yaml")}
    settings = {"locations": [slow, files]}
    running = catalog.create(catalog=settings, processors=[place])
    await running.connect_providers()
    await asyncio.wait_for(running.engine.settle(), 60)
    assert len(await catalog.refs()) == MANY


class StuckPlace(CatalogProcessor):
    """Reads places of the type `stuck`, which never answer."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()

    @override
    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        if location.type != "stuck":
            return False
        self.is_asked.set()
        await asyncio.Event().wait()
        return True


async def test_a_place_that_does_not_answer_holds_up_no_other_work(catalog: Catalog, make_component: Component) -> None:
    """K405: while one lane waits for a slow place, what becomes due is processed by another one, and served."""
    place = StuckPlace()
    catalog.write("a.yaml", make_component("web"))
    stuck = {"type": "stuck", "target": "somewhere"}
    file = {"type": "file", "target": str(catalog.folder / "a.yaml")}
    settings = {"locations": [stuck, file], "stitchingStrategy": {"pollingInterval": {"milliseconds": 20}}}
    running = catalog.create(catalog=settings, processors=[place])
    await running.connect_providers()
    working = asyncio.create_task(running.engine.settle())
    try:
        await asyncio.wait_for(place.is_asked.wait(), 30)
        await until(catalog.refs)
        catalog.write("a.yaml", make_component("web", owner="others"))
        due = "UPDATE refresh_state SET next_update_at = $1, lane = 0 WHERE entity_ref = $2"
        location = await catalog.database.fetch_row(
            "SELECT source_entity_ref FROM refresh_state_references WHERE target_entity_ref = 'component:default/web'"
        )
        await catalog.database.execute(due, datetime.now(UTC), location[0])
        changed = [("ownedBy", "group:default/others")]

        async def is_changed() -> bool:
            return bool(await catalog.relations("component:default/web") == changed)

        await until(is_changed)
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def test_lanes_without_work_do_not_keep_each_other_looking(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: when nothing is due any more, a few looks tell so: each lane looks once more after the last work."""
    looks = 0
    look = Engine.process_due

    async def counted(engine: Engine) -> int:
        nonlocal looks
        looks += 1
        return await look(engine)

    monkeypatch.setattr(Engine, "process_due", counted)
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    assert looks < 15


async def test_no_lane_goes_on_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """K405: once a lane has found nothing, the other one ends after its turn, so that both take up what comes later."""
    monkeypatch.setattr(lanes, "LONGEST_STITCHING_SECONDS", 0.01)
    busy: list[Any] = []

    async def process() -> int:
        return 0

    async def stitch() -> int:
        await asyncio.sleep(0)
        busy[:] = busy or [asyncio.current_task()]
        return int(asyncio.current_task() is busy[0])

    async with asyncio.timeout(5):
        assert await lanes.Lanes(process, stitch, 1.0).work()

"""Lanes share the work: what one of them brings is done by the others, while it is still at it."""

import asyncio
from collections.abc import Callable
from typing import Any

from typing_extensions import override

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

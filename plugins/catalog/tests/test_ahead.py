"""What a new file brings is processed together with the file, so that it is stored once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from typing_extensions import override

from understage.catalog.database.refresh_state import NewEntity, insert_entities
from understage.catalog.processing import ahead as ahead_module
from understage.catalog_api import CatalogProcessor, Emit, EntityJson, LocationRef, ProcessorCache
from understage.plugin_api import DatabaseService

Catalog = Any
Component = Callable[..., str]


async def look_once(catalog: Catalog, *processors: CatalogProcessor) -> None:
    """Processes the configured locations, and nothing else."""
    catalog.running = catalog.create("a.yaml", processors=processors)
    await catalog.running.connect_providers()
    assert await catalog.running.engine.process_due() == 1


async def processed(database: DatabaseService) -> set[str]:
    rows = await database.fetch("SELECT entity_ref FROM refresh_state WHERE result_hash IS NOT NULL")
    return {row[0] for row in rows if not row[0].startswith("location:")}


async def found(database: DatabaseService) -> set[str]:
    rows = await database.fetch("SELECT entity_ref FROM refresh_state")
    return {row[0] for row in rows if not row[0].startswith("location:")}


async def test_entities_are_processed_with_the_file_that_brings_them(
    catalog: Catalog, make_component: Component
) -> None:
    """K430: what a new file holds need not wait for its turn; it is stored as if it had been claimed."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await look_once(catalog)
    assert await processed(catalog.database) == {"component:default/web", "component:default/db"}
    await catalog.settle()
    ahead = await catalog.get("component:default/web")
    assert ahead["relations"] == [{"type": "ownedBy", "targetRef": "group:default/team"}]
    before = await catalog.snapshot()
    await catalog.later()
    assert await catalog.snapshot() == before


async def test_the_next_look_is_as_far_off_as_that_at_the_file(catalog: Catalog, make_component: Component) -> None:
    """K406: an entity that was processed with its file is due again after an interval, and is not claimed before."""
    catalog.write("a.yaml", make_component("web"))
    await look_once(catalog)
    rows = await catalog.database.fetch("SELECT DISTINCT next_update_at, lane FROM refresh_state")
    assert len(rows) == 1
    assert await catalog.running.engine.process_due() == 0


async def test_what_has_to_ask_others_waits_for_its_turn(catalog: Catalog, make_component: Component) -> None:
    """K430: a processor that may ask others must not keep the rest of the file from being stored."""

    class Asking(CatalogProcessor):
        @override
        async def post_process_entity(
            self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
        ) -> EntityJson:
            if entity["kind"] == "Component":
                await asyncio.Event().wait()
            return entity

    catalog.write("a.yaml", make_component("web"))
    await asyncio.wait_for(look_once(catalog, Asking()), 30)
    assert await found(catalog.database) == {"component:default/web"}
    assert await processed(catalog.database) == set()


async def test_what_comes_out_badly_is_left_to_its_turn(catalog: Catalog, make_component: Component) -> None:
    """K433: an entity with errors is stored as it was found, fails when its turn comes, and leaves others alone."""
    catalog.write("a.yaml", make_component("web") + make_component("bad", subcomponentOf=5))
    await look_once(catalog)
    assert await processed(catalog.database) == {"component:default/web"}
    await catalog.settle()
    assert await catalog.refs() == ["component:default/web"]
    (row,) = await catalog.database.fetch(
        "SELECT errors, failures FROM refresh_state WHERE entity_ref = $1", "component:default/bad"
    )
    assert "subcomponentOf" in row[0]
    assert row[1] == 1


async def test_only_so_many_are_kept_in_memory(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K430: of a file with very many entities only some are processed at once; none is lost."""
    monkeypatch.setattr(ahead_module, "MOST_AT_ONCE", 3)
    catalog.write("a.yaml", "".join(make_component(f"c{number}") for number in range(5)))
    await look_once(catalog)
    assert len(await processed(catalog.database)) == 3
    await catalog.settle()
    assert len(await catalog.refs()) == 5


async def test_a_name_that_is_taken_stays_with_who_has_it(catalog: Catalog, make_component: Component) -> None:
    """K460: the outcome of an entity that is refused is not stored, nor its relations."""
    catalog.write("a.yaml", make_component("web", owner="newcomer"))
    now = datetime.now(UTC)
    other = NewEntity("00000000-0000-4000-8000-000000000001", "component:default/web", "{}", "", "file:elsewhere")
    await insert_entities(catalog.database, [other], now.replace(year=now.year + 1))
    await look_once(catalog)
    assert await processed(catalog.database) == set()
    assert await catalog.database.fetch("SELECT 1 FROM relations") == []
    assert await catalog.database.fetch("SELECT 1 FROM stitch_queue WHERE entity_ref LIKE 'component:%'") == []


async def test_a_known_entity_keeps_its_id_and_waits_for_its_turn(catalog: Catalog, make_component: Component) -> None:
    """K461: an entity that nobody has a claim to is taken over; what was made of the newcomer's is made again."""
    uid = "00000000-0000-4000-8000-000000000001"
    catalog.write("a.yaml", make_component("web"))
    now = datetime.now(UTC)
    other = NewEntity(uid, "component:default/web", "{}", "", None)
    await insert_entities(catalog.database, [other], now.replace(year=now.year + 1))
    await look_once(catalog)
    assert await processed(catalog.database) == set()
    await catalog.settle()
    entity = await catalog.get("component:default/web")
    assert entity["metadata"]["uid"] == uid


async def test_the_first_of_two_files_counts(catalog: Catalog, make_component: Component) -> None:
    """K460: of two new files with the same name, one has it with its own relations, and the other is refused."""
    catalog.write("a.yaml", make_component("web", owner="first"))
    catalog.write("b.yaml", make_component("web", owner="second"))
    await catalog.start("a.yaml", "b.yaml")
    (owner,) = [target for kind, target in await catalog.relations("component:default/web") if kind == "ownedBy"]
    served = await catalog.get("component:default/web")
    assert owner.removeprefix("group:default/") == served["spec"]["owner"]
    assert any("is left out" in problem for problem in catalog.logs.problems())


async def test_they_are_counted_like_others(catalog: Catalog, make_component: Component) -> None:
    """K486: the metrics of processing count what was processed with its file."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await look_once(catalog)
    assert catalog.metrics.total("catalog.processed.entities.count", {"result": "changed"}) == 3

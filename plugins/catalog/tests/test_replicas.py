"""Several replicas on one database, and crashes."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from understage.catalog.database.counts import find_miscounts, fold_changes
from understage.catalog.processing import engine as engine_module
from understage.catalog.processing.retrying import in_transaction
from understage.catalog.query.key_numbers import key_number
from understage.catalog_api import CatalogProcessor, EntityJson
from understage.plugin_api import DatabaseConnection, DatabaseService

Catalog = Any
Component = Callable[..., str]


class Counting(CatalogProcessor):
    """Counts how often entities are processed, and takes a moment for it."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        self.runs[entity["metadata"]["name"]] += 1
        await asyncio.sleep(0.002)
        return False


async def fold_all_the_time(database: DatabaseService) -> None:
    """Adds up what has changed in the counts, as every replica does in the background, without a pause."""
    while True:
        async with database.transaction() as connection:
            await fold_changes(connection)
        await asyncio.sleep(0.005)


async def test_replicas_share_the_work(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405, K465: of several replicas one processes each entity, all relations are stitched, and counts are right."""
    monkeypatch.setattr(engine_module, "PROCESSING_BATCH", 7)
    monkeypatch.setattr(engine_module, "STITCHING_BATCH", 7)
    names = [f"c{number:03d}" for number in range(120)]
    dependencies = {name: [f"component:{other}" for other in names[max(0, i - 3) : i]] for i, name in enumerate(names)}
    for start in range(0, 120, 30):
        text = "".join(make_component(name, dependsOn=dependencies[name]) for name in names[start : start + 30])
        catalog.write(f"{start:03d}.yaml", text)
    counting = Counting()
    replicas = [catalog.create("*.yaml", processors=[counting]) for _ in range(3)]
    folding = [asyncio.create_task(fold_all_the_time(catalog.database)) for _ in range(2)]
    await asyncio.gather(*(replica.connect_providers() for replica in replicas))
    await asyncio.gather(*(replica.engine.settle() for replica in replicas))
    for replica in replicas:
        await replica.engine.settle()
    for task in folding:
        task.cancel()
    await asyncio.wait(folding)
    assert await find_miscounts(catalog.database) == []
    assert await catalog.refs() == [f"component:default/{name}" for name in names]
    assert {name: counting.runs[name] for name in names} == dict.fromkeys(names, 1)
    incoming: Counter[str] = Counter(ref for refs in dependencies.values() for ref in refs)
    for name in names:
        relations = Counter(kind for kind, _ in await catalog.relations(f"component:default/{name}"))
        assert relations["dependsOn"] == len(dependencies[name])
        assert relations["dependencyOf"] == incoming[f"component:{name}"]
    keys = [key_number(f"relations.{kind}") for kind in ("dependson", "dependencyof")]
    (rows,) = await catalog.database.fetch_row("SELECT count(*) FROM search WHERE key IN ($1, $2)", *keys)
    assert rows == 2 * sum(map(len, dependencies.values()))


async def test_replicas_that_delete_and_stitch_at_once_agree(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K452, K465: while one replica removes entities, others stitch their peers; nothing is left over or lost."""
    monkeypatch.setattr(engine_module, "PROCESSING_BATCH", 5)
    monkeypatch.setattr(engine_module, "STITCHING_BATCH", 5)
    names = [f"c{number:02d}" for number in range(40)]
    kept = names[::2]
    catalog.write("a.yaml", "".join(make_component(name, dependsOn=[f"component:{n}" for n in names]) for name in kept))
    catalog.write("b.yaml", "".join(make_component(name, dependsOn=["component:c00"]) for name in names[1::2]))
    await catalog.start("a.yaml", "b.yaml")
    replicas = [catalog.create("a.yaml") for _ in range(3)]
    await catalog.database.execute("UPDATE refresh_state SET next_update_at = $1", datetime.now(UTC))
    catalog.write("a.yaml", "".join(make_component(name, owner="others") for name in kept))
    await asyncio.gather(*(replica.connect_providers() for replica in replicas), replicas[1].engine.settle())
    await asyncio.gather(*(replica.engine.settle() for replica in replicas))
    for replica in replicas:
        await replica.engine.settle()
    assert await catalog.refs() == [f"component:default/{name}" for name in kept]
    assert await catalog.relations("component:default/c00") == [("ownedBy", "group:default/others")]
    stray = await catalog.database.fetch(
        "SELECT DISTINCT entity_id FROM search WHERE entity_id NOT IN (SELECT entity_id FROM final_entities)"
    )
    assert stray == []
    assert await find_miscounts(catalog.database) == []


@pytest.mark.parametrize("place", ["store_batch", "stitch_batch"])
async def test_a_crash_loses_nothing(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """K430, K465: what breaks off in the middle of storing or stitching is rolled back and done again."""
    original = getattr(engine_module, place)

    async def crash(*arguments: Any) -> Any:
        await original(*arguments)
        raise ConnectionResetError("killed")

    catalog.write("a.yaml", make_component("web") + make_component("db"))
    monkeypatch.setattr(engine_module, place, crash)
    with pytest.raises(ConnectionResetError):
        await catalog.start("a.yaml")
    assert await catalog.refs() == []
    monkeypatch.setattr(engine_module, place, original)
    await catalog.start("a.yaml")
    await catalog.later()
    assert await catalog.refs() == ["component:default/db", "component:default/web"]


async def test_an_entity_that_vanishes_while_it_is_processed(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405, K430: results of an entity that was removed meanwhile are dropped, the others are stored."""
    catalog.write("a.yaml", make_component("web"))
    catalog.write("b.yaml", make_component("db"))
    await catalog.start("a.yaml", "b.yaml")
    catalog.write("a.yaml", make_component("web", owner="new") + make_component("more"))
    catalog.write("b.yaml", make_component("db", owner="new"))
    running = catalog.running
    original = running.engine._store

    async def interrupted(processed: Any, lease: Any, **options: Any) -> None:
        monkeypatch.setattr(running.engine, "_store", original)
        await catalog.create("b.yaml").connect_providers()
        await original(processed, lease, **options)

    monkeypatch.setattr(running.engine, "_store", interrupted)
    await catalog.later()
    assert await catalog.refs() == ["component:default/db"]
    assert await catalog.relations("component:default/db") == [("ownedBy", "group:default/new")]


class Deadlock(Exception):
    sqlstate = "40P01"


async def test_transactions_in_each_others_way_are_repeated(database: DatabaseService) -> None:
    """K451: a deadlock is tried again, up to three times; other errors are not."""
    calls = 0

    async def unlucky(connection: DatabaseConnection) -> str:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise Deadlock
        return "done"

    assert await in_transaction(database, unlucky) == "done"
    calls = -10
    with pytest.raises(Deadlock):
        await in_transaction(database, unlucky)
    assert calls == -10 + 4

    async def broken(connection: DatabaseConnection) -> None:
        nonlocal calls
        calls = 0
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_transaction(database, broken)
    assert calls == 0


async def test_two_replicas_that_find_the_same_name_at_once(catalog: Catalog, make_component: Component) -> None:
    """K460: of two locations that bring a name at the same moment one wins, and the other one is refused."""
    catalog.write("a.yaml", make_component("web", owner="a"))
    catalog.write("b.yaml", make_component("web", owner="b"))
    await catalog.create("a.yaml", "b.yaml").connect_providers()
    replicas = [catalog.create("a.yaml", "b.yaml") for _ in range(2)]
    rows = await catalog.database.fetch("SELECT entity_ref FROM refresh_state ORDER BY entity_ref")
    assert len(rows) == 2
    await asyncio.gather(*(replica.engine.settle() for replica in replicas))
    edges = await catalog.database.fetch(
        "SELECT source_entity_ref FROM refresh_state_references WHERE target_entity_ref = 'component:default/web'"
    )
    assert len(edges) == 1
    assert sum("is left out" in problem for problem in catalog.logs.problems()) >= 1

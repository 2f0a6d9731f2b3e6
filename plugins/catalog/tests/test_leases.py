"""Entities are claimed for a short time only, so that whoever dies with them delays them little."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from understage.catalog.database import due
from understage.catalog.database.due import Lane
from understage.catalog.database.lineage import schedule
from understage.catalog.database.refresh_state import NewEntity, insert_entities
from understage.catalog.model.entity_ids import new_entity_id
from understage.catalog.processing import lease as lease_module
from understage.catalog.processing.lease import LEASE_SECONDS, Lease, LeaseLostError, LeaseWatch
from understage.plugin_api import DatabaseService

Catalog = Any
Component = Callable[..., str]


async def due_times(database: DatabaseService) -> dict[str, datetime]:
    rows = await database.fetch(
        "SELECT entity_ref, next_update_at FROM refresh_state WHERE entity_ref LIKE 'component:%'"
    )
    return {ref: at if isinstance(at, datetime) else datetime.fromisoformat(at) for ref, at in rows}


async def make_due(catalog: Catalog) -> None:
    await catalog.database.execute("UPDATE refresh_state SET next_update_at = $1", datetime.now(UTC))


PAUSE = timedelta(seconds=100)


def new_lease(catalog: Catalog) -> Lease:
    return Lease(catalog.database, catalog.logs, PAUSE)


async def test_what_a_dead_process_held_is_due_again_after_seconds(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: a process that dies with claimed entities delays them by the lease, not by the whole interval."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    assert len(await new_lease(catalog).claim(10)) == 3
    assert await catalog.running.engine.process_due() == 0
    ((until,),) = await catalog.database.fetch("SELECT until FROM leases")
    left = datetime.fromisoformat(str(until)) - datetime.now(UTC)
    assert timedelta(0) < left <= timedelta(seconds=LEASE_SECONDS)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.05)
    await make_due(catalog)
    assert len(await new_lease(catalog).claim(10)) == 3
    await asyncio.sleep(0.1)
    other = catalog.create("a.yaml").engine
    assert await other.process_due() == 3
    assert "Takes over entities from a process that has stopped without a word" in catalog.logs.problems()


async def test_who_was_held_up_too_long_stores_nothing(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: a process whose lease was taken over while it stood still drops its results, and says so."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    catalog.write("a.yaml", make_component("web", owner="new"))
    await make_due(catalog)
    engine, other = catalog.running.engine, catalog.create("a.yaml").engine
    original = engine._run_one
    taken: list[int] = []

    async def held_up(claimed: Any) -> Any:
        if not taken:
            taken.append(0)
            await catalog.database.execute("UPDATE leases SET until = $1", datetime.now(UTC) - timedelta(seconds=1))
            taken[0] = await other.process_due()
        return await original(claimed)

    monkeypatch.setattr(engine, "_run_one", held_up)
    assert await engine.process_due() == 2
    assert taken == [2]
    assert any("nothing of them is stored here" in problem for problem in catalog.logs.problems())
    await catalog.settle()
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/new")]
    assert await catalog.database.fetch("SELECT 1 FROM leases") == []


async def test_what_another_one_has_stored_meanwhile_is_kept_and_looked_at_again(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: of two runs of one entity at once the later one is not overwritten; the entity is due again."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    catalog.write("a.yaml", make_component("web", owner="first"))
    await make_due(catalog)
    engine, other = catalog.running.engine, catalog.create("a.yaml").engine
    original = engine._run_one
    overtaken = asyncio.Event()

    async def overtaken_run(claimed: Any) -> Any:
        done = await original(claimed)
        if claimed.entity_ref.startswith("location:") and not overtaken.is_set():
            overtaken.set()
            catalog.write("a.yaml", make_component("web", owner="second"))
            await make_due(catalog)
            await other.process_due()
        return done

    monkeypatch.setattr(engine, "_run_one", overtaken_run)
    await engine.process_due()
    assert overtaken.is_set()
    await catalog.settle()
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/second")]


async def test_after_the_work_the_interval_counts(catalog: Catalog, make_component: Component) -> None:
    """K406: what was processed, changed or not, is due again after 100 to 150 seconds."""
    catalog.write("a.yaml", make_component("web"))
    for _ in range(2):
        before = datetime.now(UTC)
        await catalog.start("a.yaml")
        (at,) = (await due_times(catalog.database)).values()
        assert before + timedelta(seconds=100) <= at <= datetime.now(UTC) + timedelta(seconds=150)
        await make_due(catalog)


async def test_a_lease_is_renewed_while_the_work_lasts(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: work that takes longer than the lease stays with the process that does it."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.6)
    lease = new_lease(catalog)
    claimed = await lease.claim(10)
    async with lease.renewed():
        for _ in range(4):
            await asyncio.sleep(0.3)
            await LeaseWatch(catalog.database, catalog.logs).look()
            assert await new_lease(catalog).claim(10) == []
    await lease.finish(catalog.database)
    assert len(claimed) == 2
    assert list((await due_times(catalog.database)).values()) == [lease.due_at]
    assert await catalog.database.fetch("SELECT 1 FROM leases") == []


async def test_parts_of_a_batch_do_not_wait_for_each_other(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: two parts are stored, and the lease renewed, at once; nobody takes over what is just being stored."""
    if catalog.database.dialect == "sqlite":
        pytest.skip("SQLite has one transaction at a time that writes")
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.0)
    lease = new_lease(catalog)
    await lease.claim(10)
    async with catalog.database.transaction() as one, catalog.database.transaction() as other:
        await lease.finish(one, is_done=False)
        await asyncio.wait_for(lease.finish(other, is_done=False), 10)
        until = datetime.now(UTC) - timedelta(seconds=1)
        assert await asyncio.wait_for(due.renew_lease(catalog.database, lease._id, until), 10)
        await asyncio.wait_for(LeaseWatch(catalog.database, catalog.logs).look(), 10)
        assert len(await catalog.database.fetch("SELECT 1 FROM leases")) == 1
    await LeaseWatch(catalog.database, catalog.logs).look()
    with pytest.raises(LeaseLostError):
        await lease.finish(catalog.database, is_done=False)


async def test_what_is_asked_for_during_the_work_stays_due(catalog: Catalog, make_component: Component) -> None:
    """K405: an entity that is scheduled while it is processed is processed once more at once."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    lease = new_lease(catalog)
    await lease.claim(10)
    asked_at = datetime.now(UTC)
    await schedule(catalog.database, ["component:default/web"], asked_at)
    await lease.finish(catalog.database)
    times = await due_times(catalog.database)
    assert times == {"component:default/web": asked_at, "component:default/db": lease.due_at}
    again = await new_lease(catalog).claim(10)
    assert [(one.entity_ref, one.lane) for one in again] == [("component:default/web", Lane.URGENT)]


async def test_a_process_that_stops_gives_back_what_it_holds(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: entities that a stopping process has not stored are due at once, for another one."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    engine = catalog.running.engine
    started = asyncio.Event()

    async def endless(claimed: Any) -> Any:
        started.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(engine, "_run_one", endless)
    working = asyncio.create_task(engine.process_due())
    await started.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert all(at <= datetime.now(UTC) for at in (await due_times(catalog.database)).values())
    assert await catalog.database.fetch("SELECT 1 FROM leases") == []


async def test_a_failing_renewal_is_reported_and_does_not_end_the_work(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K408: while the database is away the work goes on, and the log says that the lease is at risk."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.03)
    lease = new_lease(catalog)
    await lease.claim(10)

    async def away(*arguments: Any) -> bool:
        raise ConnectionResetError("away")

    monkeypatch.setattr(due, "renew_lease", away)
    async with lease.renewed():
        await asyncio.sleep(0.05)
    assert "A lease on entities could not be renewed" in catalog.logs.problems()


async def test_who_is_waited_for_goes_before_new_ones_and_all_lanes_move(catalog: Catalog) -> None:
    """K405: a refresh by hand goes before thousands of new entities, and these leave room for periodic ones.

    deviation: upstream takes whatever has been due longest.
    """
    now = datetime.now(UTC)
    entities = [
        NewEntity(new_entity_id(), f"{lane.name.lower()}:default/e{number}", "{}", "", None, lane)
        for lane, count in ((Lane.NEW, 500), (Lane.PERIODIC, 500), (Lane.URGENT, 3))
        for number in range(count)
    ]
    await insert_entities(catalog.database, entities, now - timedelta(hours=1))
    await catalog.database.execute("UPDATE refresh_state SET next_update_at = $1 WHERE lane = 0", now)

    async def claim(limit: int) -> Counter[Lane]:
        return Counter(Lane(one.lane) for one in await new_lease(catalog).claim(limit))

    assert await claim(100) == {Lane.URGENT: 3, Lane.NEW: 75, Lane.PERIODIC: 22}
    assert await claim(100) == {Lane.NEW: 75, Lane.PERIODIC: 25}
    assert await claim(700) == {Lane.NEW: 350, Lane.PERIODIC: 350}
    assert await claim(700) == {Lane.PERIODIC: 103}
    assert await claim(700) == {}

"""Entities are claimed for a short time only, so that whoever dies with them delays them little."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from understage.catalog.processing import lease as lease_module
from understage.catalog.processing.lease import LEASE_SECONDS, Lease
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


async def test_what_a_dead_process_held_is_due_again_after_seconds(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K405: a process that dies with claimed entities delays them by the lease, not by the whole interval."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    before = datetime.now(UTC)
    dead = Lease(catalog.database, catalog.logs)
    assert len(await dead.claim(10)) == 3
    limit = datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)
    assert all(before < at <= limit for at in (await due_times(catalog.database)).values())
    assert await catalog.running.engine.process_due() == 0
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.05)
    await make_due(catalog)
    assert len(await Lease(catalog.database, catalog.logs).claim(10)) == 3
    await asyncio.sleep(0.1)
    assert await catalog.running.engine.process_due() == 3


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
    lease = Lease(catalog.database, catalog.logs)
    claimed = await lease.claim(10)
    async with lease.renewed():
        for _ in range(4):
            await asyncio.sleep(0.3)
            assert await Lease(catalog.database, catalog.logs).claim(10) == []
    next_time = datetime.now(UTC) + timedelta(seconds=100)
    await lease.finish(catalog.database, next_time)
    assert len(claimed) == 2
    assert list((await due_times(catalog.database)).values()) == [next_time]


async def test_what_is_asked_for_during_the_work_stays_due(catalog: Catalog, make_component: Component) -> None:
    """K405: an entity that is scheduled while it is processed is processed once more at once."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    lease = Lease(catalog.database, catalog.logs)
    await lease.claim(10)
    asked_at = datetime.now(UTC)
    await catalog.database.execute(
        "UPDATE refresh_state SET next_update_at = $1 WHERE entity_ref = 'component:default/web'", asked_at
    )
    next_time = asked_at + timedelta(seconds=100)
    await lease.finish(catalog.database, next_time)
    assert await due_times(catalog.database) == {"component:default/web": asked_at, "component:default/db": next_time}


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

    monkeypatch.setattr(engine, "_run_all", endless)
    working = asyncio.create_task(engine.process_due())
    await started.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert all(at <= datetime.now(UTC) for at in (await due_times(catalog.database)).values())


async def test_a_failing_renewal_is_reported_and_does_not_end_the_work(
    catalog: Catalog, make_component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K408: while the database is away the work goes on, and the log says that the lease is at risk."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    await make_due(catalog)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.03)
    lease = Lease(catalog.database, catalog.logs)
    await lease.claim(10)

    async def away(*arguments: Any) -> int:
        raise ConnectionResetError("away")

    monkeypatch.setattr(lease_module, "move_due", away)
    async with lease.renewed():
        await asyncio.sleep(0.05)
    assert "A lease on entities could not be renewed" in catalog.logs.problems()

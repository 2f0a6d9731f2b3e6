"""Processes that die, replicas that work at the same time, and hands on the wheel during a burst."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from understage.catalog_module_incremental_ingestion.database import seen
from understage.plugin_api import AbortController, DatabaseConnection, DatabaseService

Ingest = Callable[..., Any]
Refs = Callable[..., list[str]]


class KilledError(BaseException):
    """The process ends here."""


class Countdown:
    """Kills the process at a step."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KilledError


class DyingCatalog:
    """A catalog whose process may be killed before a mutation and after it."""

    def __init__(self, inner: Any, countdown: Countdown) -> None:
        self._inner = inner
        self._countdown = countdown

    async def apply_mutation(self, mutation: Any) -> None:
        self._countdown.step()
        await self._inner.apply_mutation(mutation)
        self._countdown.step()


class DyingDatabase:
    """A database whose process may be killed before each statement; what was not committed is rolled back."""

    def __init__(self, inner: DatabaseConnection, countdown: Countdown) -> None:
        self._inner = inner
        self._countdown = countdown
        self.dialect = inner.dialect

    async def fetch(self, *args: Any, **kwargs: Any) -> Any:
        self._countdown.step()
        return await self._inner.fetch(*args, **kwargs)

    async def fetch_row(self, *args: Any, **kwargs: Any) -> Any:
        self._countdown.step()
        return await self._inner.fetch_row(*args, **kwargs)

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        self._countdown.step()
        return await self._inner.execute(*args, **kwargs)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._inner.transaction() as connection:
            yield DyingDatabase(connection, self._countdown)
            self._countdown.step()


async def test_a_process_may_be_killed_anywhere(ingest: Ingest, make_refs: Refs) -> None:
    """K550: whichever statement is the last one of a process, the next process loses nothing and keeps nothing gone."""
    survived = False
    deaths = 0
    while not survived:
        ingested = ingest("a b", "c d", "e")
        await ingested.tick()
        before, catalog = ingested.names, ingested.catalog
        ingested.source.pages = [["a"], ["c", "x"], ["y"]]
        await ingested.database.execute("UPDATE incremental_ingestions SET next_action_at = waits_since")
        countdown = Countdown(deaths)
        ingested.catalog = DyingCatalog(catalog, countdown)
        engine = ingested.engine(DyingDatabase(ingested.database, countdown))
        ingested.catalog = catalog
        try:
            await engine.tick(AbortController().signal)
            survived = True
        except KilledError:
            deaths += 1
            allowed = {*before, *make_refs("x", "y")}
            assert set(ingested.names) <= allowed
            assert set(make_refs("a", "c")) <= set(ingested.names), deaths
            await ingested.tick()
        assert ingested.names == make_refs("a", "c", "x", "y"), deaths
        assert (await ingested.ingestion()).status == "resting"
        tracked = await ingested.database.fetch("SELECT entity_ref FROM incremental_entities ORDER BY entity_ref")
        assert [row[0] for row in tracked] == ingested.names
        await ingested.steering.reset_all()
        await ingested.database.execute("DELETE FROM incremental_ingestions")
    assert deaths > 20


async def test_a_page_that_cannot_be_applied_is_asked_for_again(ingest: Ingest, make_refs: Refs) -> None:
    """K550: a page counts as taken only when it is in the catalog.

    deviation: upstream it counts as taken before, so that it is missing until the next round.
    """
    ingested = ingest("a", "b")
    apply = ingested.catalog.apply_mutation

    async def refuse(mutation: Any) -> None:
        ingested.catalog.apply_mutation = apply
        raise ConnectionError("the database is gone")

    ingested.catalog.apply_mutation = refuse
    await ingested.tick()
    assert (await ingested.ingestion()).last_error == "ConnectionError: the database is gone"
    await ingested.later()
    assert ingested.source.asked == [0, 0, 1]
    assert ingested.names == make_refs("a", "b")


@pytest.mark.parametrize("ticks", [2, 5])
async def test_replicas_that_tick_at_the_same_time_do_no_harm(ingest: Ingest, make_refs: Refs, ticks: int) -> None:
    """K550: even if several replicas run a provider at once, one of them goes on and the round is complete."""
    ingested = ingest("a b", "c", "d", "e")

    async def slowly(number: int) -> None:
        await asyncio.sleep(0.01)

    ingested.source.before = slowly
    await asyncio.gather(*(ingested.tick() for _ in range(ticks)))
    assert (await ingested.ingestion()).status == "resting"
    assert ingested.names == make_refs("a", "b", "c", "d", "e")
    assert ingested.logs.of("error") == []
    ((count,),) = await ingested.database.fetch("SELECT count(*) FROM incremental_ingestions")
    assert count == 1
    assert len(await ingested.cursors()) == 4


async def at_page(ingested: Any, number: int, act: Callable[[], Any]) -> None:
    """Has something done while a page is asked for."""

    async def before(asked: int) -> None:
        if asked == number:
            ingested.source.before = None
            await act()

    ingested.source.before = before
    await ingested.tick()


async def test_cancel_ends_a_burst(ingest: Ingest, make_refs: Refs) -> None:
    """K243, K550: a cancelled round ends with the page under way, removes nothing, and rests for a day.

    deviation: upstream the provider then does nothing until it is started, and logs an error at each look.
    """
    ingested = ingest("a", "b", "c")
    await ingested.tick()
    ingested.source.pages = [["x"], ["y"], ["z"]]
    await ingested.database.execute("UPDATE incremental_ingestions SET next_action_at = waits_since")

    async def cancel() -> None:
        await ingested.steering.cancel(await ingested.ingestion())

    await at_page(ingested, 1, cancel)
    ingestion = await ingested.ingestion()
    assert ingestion.status == "resting"
    assert ingestion.next_action_at - ingestion.waits_since == timedelta(hours=24)
    assert ingested.names == make_refs("a", "b", "c", "x")
    await ingested.tick()
    assert ingested.source.asked == [0, 1, 2, 0, 1]
    await ingested.later()
    assert ingested.names == make_refs("x", "y", "z")


async def test_who_steers_breaks_nothing_in_the_provider(ingest: Ingest) -> None:
    """K550: a burst that is taken over leaves the provider's `around` in peace, even if that is a group of tasks."""
    ingested = ingest("a", "b")
    ended: list[str] = []

    @asynccontextmanager
    async def group() -> AsyncIterator[str]:
        async with asyncio.TaskGroup():
            yield "context"
        ended.append("in peace")

    ingested.source.around = group
    await at_page(ingested, 1, lambda: ingested.steering.reset("source"))
    assert ended == ["in peace"]
    assert ingested.logs.of("error") == []


async def test_start_begins_anew_during_a_burst(ingest: Ingest, make_refs: Refs) -> None:
    """K243, K550: a round that is started anew gives up the page under way and begins with the first one."""
    ingested = ingest("a", "b")

    async def start() -> None:
        await ingested.steering.start("source", await ingested.ingestion())
        assert (await ingested.ingestion()).status == "canceling"

    await at_page(ingested, 1, start)
    assert ingested.source.asked == [0, 1]
    await ingested.tick()
    assert ingested.source.asked == [0, 1, 0, 1]
    assert ingested.names == make_refs("a", "b")
    rows = await ingested.database.fetch("SELECT next_action FROM incremental_ingestions ORDER BY created_at")
    assert [row[0] for row in rows] == ["nothing (canceled)", "rest"]


async def test_start_ends_a_rest(ingest: Ingest) -> None:
    """K243: a provider that rests and is started has ended its round; the next one begins when it is looked at."""
    ingested = ingest("a")
    await ingested.tick()
    await ingested.steering.start("source", await ingested.ingestion())
    standing = await ingested.steering.find("source")
    assert standing.ingestion is None
    await ingested.tick()
    assert ingested.source.asked == [0, 0]
    rows = await ingested.database.fetch("SELECT next_action FROM incremental_ingestions ORDER BY created_at")
    assert [row[0] for row in rows] == ["nothing (done)", "rest"]


async def test_ended_rounds_do_not_pile_up(ingest: Ingest) -> None:
    """K550: of the rounds that have ended only the last one is kept."""
    ingested = ingest("a")
    await ingested.tick()
    for _ in range(4):
        await ingested.later()
    for table in ("incremental_ingestions", "incremental_marks"):
        assert await ingested.database.fetch(f"SELECT count(*) FROM {table}") == [(2,)]


async def test_what_another_replica_brings_during_the_sweep_stays_known(ingest: Ingest, make_refs: Refs) -> None:
    """K550: an entity that an event brings back while it is removed elsewhere is removed or kept by the next round."""
    ingested = ingest("a b")
    await ingested.tick()
    ingested.source.pages = [["a"]]
    apply = ingested.catalog.apply_mutation

    async def bring_back(mutation: Any) -> None:
        if mutation.removed:
            ingestion = await ingested.ingestion()
            async with ingested.database.transaction() as connection:
                await seen.track(connection, "source", make_refs("b"), ingestion.id)
        await apply(mutation)

    ingested.catalog.apply_mutation = bring_back
    await ingested.later()
    rows = await ingested.database.fetch("SELECT entity_ref FROM incremental_entities ORDER BY entity_ref")
    assert [row[0] for row in rows] == make_refs("a", "b")


async def test_reset_during_a_burst(ingest: Ingest, make_refs: Refs) -> None:
    """K243, K550: a provider that is reset during a burst forgets its pages and rests; its entities stay."""
    ingested = ingest("a", "b")
    await at_page(ingested, 1, lambda: ingested.steering.reset("source"))
    ingestion = await ingested.ingestion()
    assert ingestion.status == "resting"
    assert await ingested.cursors() == []
    assert ingested.names == make_refs("a")
    ((count,),) = await ingested.database.fetch("SELECT count(*) FROM incremental_entities")
    assert count == 0
    assert ingested.logs.of("error") == []


async def test_trigger_during_a_burst_changes_nothing(ingest: Ingest, make_refs: Refs) -> None:
    """K243, K550: the burst that is under way goes on."""
    ingested = ingest("a", "b")

    async def trigger() -> None:
        await ingested.steering.trigger("source", await ingested.ingestion())

    await at_page(ingested, 1, trigger)
    assert ingested.names == make_refs("a", "b")
    assert (await ingested.ingestion()).status == "resting"


async def test_a_cancelled_round_in_its_last_page_removes_nothing(ingest: Ingest, make_refs: Refs) -> None:
    """K550: who cancels while the last page comes in keeps what would have been removed."""
    ingested = ingest("a b")
    await ingested.tick()
    ingested.source.pages = [["b"]]
    apply = ingested.catalog.apply_mutation

    async def cancel_meanwhile(mutation: Any) -> None:
        await ingested.steering.cancel(await ingested.ingestion())
        await apply(mutation)

    ingested.catalog.apply_mutation = cancel_meanwhile
    await ingested.later()
    assert ingested.names == make_refs("a", "b")


async def test_what_fails_after_the_last_page_is_told(ingest: Ingest, make_refs: Refs) -> None:
    """K550: a provider that cannot clean up after its last page has brought all; the error is logged."""
    ingested = ingest("a")
    around = ingested.source.around

    @asynccontextmanager
    async def failing() -> AsyncIterator[str]:
        async with around() as context:
            yield context
        raise ValueError("cannot close")

    ingested.source.around = failing
    await ingested.tick()
    assert (await ingested.ingestion()).status == "resting"
    assert ingested.logs.messages("error") == ["A burst that was over has failed"]


async def test_a_database_of_another_replica(ingest: Ingest, database: DatabaseService) -> None:
    """K243: more than one open round of a provider, which the schema does not allow, would be told as unhealthy."""
    ingested = ingest("a")
    await ingested.tick()
    assert await ingested.steering.duplicates() == []
    await database.execute("DROP INDEX incremental_ingestions_open_idx")
    await database.execute(
        """
        INSERT INTO incremental_ingestions
            (id, provider_name, status, next_action, next_action_at, waits_since, created_at)
        SELECT 'other', provider_name, status, next_action, next_action_at, waits_since, created_at
        FROM incremental_ingestions
        """
    )
    assert await ingested.steering.duplicates() == ["source"]

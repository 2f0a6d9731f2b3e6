import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from tests.support.recording_logger import RecordingLogger
from tests.support.waiting import until

from understage.defaults.scheduler.database_store import DatabaseTaskStore
from understage.errors import ServiceUnavailableError
from understage.testing import TestDatabases

SHORT, MINUTE, HOUR = timedelta(seconds=0.2), timedelta(minutes=1), timedelta(hours=1)


async def state(store: Any, task_id: str) -> Any:
    return {found.id: found for found in await store.read()}[task_id]


async def test_one_of_many_runs(store: Any, replica: Any, work: Any) -> None:
    """S42: of several replicas one does each run, and no two run at once."""
    task = work()
    for _ in range(4):
        await replica(store).schedule_task(id="a", frequency=SHORT, timeout=MINUTE, fn=task)
    await until(lambda: task.begun >= 5)
    assert task.most == 1


async def test_claims_are_atomic(store: Any) -> None:
    """S42: of many claims at the same moment one is granted; none while it is held, none before the task is due."""
    now = await store.now()
    await store.save("a", '{"cadence":"manual"}', now - MINUTE, None)
    await store.save("later", '{"cadence":"manual"}', now + MINUTE, None)
    await store.save("never", '{"cadence":"manual"}', None, None)
    claims = await asyncio.gather(*(store.claim("a", f"ticket-{n}", 60) for n in range(20)))
    assert sorted(claims) == [False] * 19 + [True]
    assert not await store.claim("a", "another", 60)
    assert not await store.claim("later", "ticket", 60)
    assert not await store.claim("never", "ticket", 60)


async def test_only_the_holder_reports(store: Any) -> None:
    """S42: who holds another ticket can neither end, release nor extend a run."""
    now = await store.now()
    await store.save("a", '{"cadence":"manual"}', now - MINUTE, None)
    assert await store.claim("a", "mine", 60)
    before = await state(store, "a")
    await store.finish("a", "other", now, None)
    await store.release("a", "other")
    await store.extend("a", "other", 1)
    assert not await store.free_expired("a", "mine", "{}")
    assert await state(store, "a") == before
    await store.extend("a", "mine", 120)
    assert (await state(store, "a")).expires_at > before.expires_at + timedelta(seconds=50)
    await store.release("a", "mine")
    found = await state(store, "a")
    assert (found.ticket, found.started_at, found.expires_at, found.ended_at) == (None, None, None, None)
    assert found.next_start == before.next_start


async def test_claims_of_the_dead_expire(store: Any, replica: Any, work: Any, logger: RecordingLogger) -> None:
    """S50: a claim that outlives its expiry is freed and marked as timed out, and the run is done again at once."""
    await store.save("a", '{"cadence":"PT1H"}', await store.now() - MINUTE, None)
    assert await store.claim("a", "of the dead", 0.6)
    task = work(hold=True)
    begin = asyncio.get_running_loop().time()
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 1)
    assert 0.4 < asyncio.get_running_loop().time() - begin < 5
    assert "timed out" in json.loads((await state(store, "a")).error)["message"]
    assert logger.messages("warning") == ["Task a was claimed by a process that is gone; it is run anew"]
    task.gate.set()


async def test_claims_of_tasks_that_nobody_knows_expire_too(store: Any, replica: Any, work: Any) -> None:
    """S50: claims are freed for tasks that this process has not scheduled, too."""
    await store.save("old", '{"cadence":"PT1H"}', await store.now() - MINUTE, None)
    assert await store.claim("old", "of the dead", 0.1)
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=work())

    async def freed() -> bool:
        return (await state(store, "old")).ticket is None

    await until(freed)


async def test_lost_claim_aborts(store: Any, replica: Any, work: Any, logger: RecordingLogger) -> None:
    """S46: a run whose ticket is gone from the store is aborted by the process that runs it, and not reported."""
    task = work(hold=True)
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 1)
    await store.cancel("a", '{"name":"Error","message":"elsewhere"}')
    await until(lambda: task.cancelled == 1)
    assert task.reason == "lost"
    await asyncio.sleep(0.2)
    assert json.loads((await state(store, "a")).error)["message"] == "elsewhere"
    assert logger.messages("info") == ["Task a is not claimed by this process any more, so its run is aborted"]


async def test_cancelling_from_another_replica(store: Any, replica: Any, work: Any) -> None:
    """S48: any replica can cancel a run, also of a task that it has not scheduled itself."""
    task, other = work(hold=True), replica(store)
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 1)
    await other.cancel_task("a")
    await until(lambda: task.cancelled == 1)


async def test_trigger_from_another_replica(store: Any, replica: Any, work: Any) -> None:
    """S48: a trigger reaches the replica that knows the task."""
    task, other = work(), replica(store)
    await replica(store).schedule_task(id="a", frequency="manual", timeout=MINUTE, fn=task)
    await other.trigger_task("a")
    await until(lambda: task.ended == 1)


class Flaky:
    """A store that is out of reach on demand."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.down = False
        self.instead: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name in self.instead:
            return self.instead[name]
        if self.down:

            async def unreachable(*args: Any) -> Any:
                raise ServiceUnavailableError("the database is gone")

            return unreachable
        return getattr(self._store, name)


async def test_database_outage(
    store: Any, replica: Any, work: Any, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S47: an outage of the database is logged once; a run goes on and is reported later, then all is as before."""
    monkeypatch.setattr("understage.defaults.scheduler.engine.RETRY_SECONDS", 0.2)
    flaky, task = Flaky(store), work(hold=True)
    await replica(flaky).schedule_task(id="a", frequency=SHORT, timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 1)
    flaky.down = True
    task.gate.set()
    await asyncio.sleep(0.6)
    assert task.begun == 1
    assert (await state(store, "a")).ticket is not None
    assert logger.messages("error") == [
        "The scheduler cannot reach its tasks and tries again every second: the database is gone"
    ]
    flaky.down = False
    await until(lambda: task.begun >= 3)
    assert task.most == 1


async def test_claims_whose_answer_got_lost(store: Any, replica: Any, work: Any) -> None:
    """S42: a claim that was granted although its answer never came is given back, instead of being held by nobody."""
    flaky, task = Flaky(store), work()

    async def granted_in_vain(*args: Any) -> bool:
        flaky.instead.clear()
        assert await store.claim(*args)
        raise ServiceUnavailableError("the connection broke")

    flaky.instead["claim"] = granted_in_vain
    await replica(flaky).schedule_task(id="a", frequency=HOUR, timeout=HOUR, fn=task)
    await until(lambda: task.ended == 1)


@pytest.mark.parametrize("tasks", [1, 300])
async def test_one_query_for_all(tasks: int, replica: Any, work: Any) -> None:
    """S43: while nothing is due, one query in each rhythm tells a process everything, however many tasks it has."""
    databases = TestDatabases.create(ids=["SQLITE"])
    database = Counting(await databases.init("SQLITE"))
    scheduler = replica(DatabaseTaskStore(database))
    for number in range(tasks):
        await scheduler.schedule_task(id=f"task-{number}", frequency=HOUR, timeout=HOUR, fn=work(), initial_delay=HOUR)
    await asyncio.sleep(0.4)
    before, begin = database.statements, asyncio.get_running_loop().time()
    await asyncio.sleep(0.95)
    polls = (asyncio.get_running_loop().time() - begin) / 0.3
    assert 1 <= database.statements - before <= polls + 1
    await scheduler.stop()
    await databases.close()


class Counting:
    """A database that counts its statements."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        self.statements += name in ("fetch", "fetch_row", "execute", "execute_many")
        return getattr(self._database, name)


async def test_outage_at_shutdown(store: Any, replica: Any, work: Any) -> None:
    """S46: stopping does not wait for a database that is away; the claim then expires."""
    flaky, task = Flaky(store), work(hold=True)
    scheduler = replica(flaky)
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 1)
    flaky.down = True
    async with asyncio.timeout(3):
        await scheduler.stop()
    assert task.cancelled == 1
    assert (await state(store, "a")).ticket is not None


async def test_tasks_of_a_database(database: Any) -> None:
    """S52: tasks are rows of one table, with the settings as JSON."""
    store = DatabaseTaskStore(database)
    await store.save("a", '{"version":2}', await store.now(), None)
    assert await store.claim("a", "ticket", 60)
    [row] = await database.fetch(
        "SELECT id, settings_json, current_run_ticket, last_run_error_json, last_run_ended_at, "
        "next_run_start_at <= current_run_started_at AND current_run_started_at < current_run_expires_at "
        "FROM backstage_backend_tasks__tasks"
    )
    assert row == ("a", '{"version":2}', "ticket", None, None, True)

import asyncio
import functools
import json
from datetime import timedelta
from typing import Any

import pytest
from tests.support.recording_logger import RecordingLogger
from tests.support.waiting import until

from understage.defaults.scheduler.memory_store import MemoryTaskStore
from understage.defaults.scheduler.task import takes_signal
from understage.errors import ConflictError, InputError, NotFoundError
from understage.plugin_api import AbortController, Cron, TaskSchedule

SHORT, MINUTE, HOUR = timedelta(seconds=0.2), timedelta(minutes=1), timedelta(hours=1)


async def state(store: Any, task_id: str) -> Any:
    return {found.id: found for found in await store.read()}[task_id]


async def test_runs_again_and_again(store: Any, replica: Any, work: Any) -> None:
    """S41, S43, S44: a task on an interval runs at once, then after each interval."""
    task = work()
    begin = asyncio.get_running_loop().time()
    await replica(store).schedule_task(id="a", frequency=SHORT, timeout=MINUTE, fn=task)
    await until(lambda: task.begun >= 4)
    assert asyncio.get_running_loop().time() - begin > 0.5


@pytest.mark.parametrize(
    ("fn", "takes"),
    [
        (lambda: None, False),
        (lambda signal: None, True),
        (lambda anything: None, True),
        (lambda signal=None: None, True),
        (lambda *args: None, True),
        (lambda task="a": None, False),
        (lambda *, signal=None: None, False),
        (functools.partial(lambda task, signal: None, "a"), True),
        (functools.partial(lambda task: None, "a"), False),
        (functools.partial(lambda signal, task: None, task="a"), True),
    ],
)
async def test_which_functions_get_the_signal(fn: Any, takes: bool) -> None:
    """S41: a function may do without the signal; one gets it that has a parameter for it, not one with a default."""
    assert takes_signal(fn) is takes


async def test_function_without_parameter(store: Any, replica: Any) -> None:
    """S41: a function without a parameter is called without one."""
    done: list[str] = []

    async def fn(name: str = "kept") -> None:
        done.append(name)

    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=fn)
    await until(lambda: done == ["kept"])


async def test_nothing_runs_before_the_start(store: Any, replica: Any, work: Any) -> None:
    """S43: tasks that are scheduled while the plugin initialises run once it has started."""
    task, scheduler = work(), replica(store, start=False)
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await asyncio.sleep(0.2)
    assert task.begun == 0
    scheduler.start()
    await until(lambda: task.begun == 1)


async def test_initial_delay(store: Any, replica: Any, work: Any) -> None:
    """S43: the first run waits for the initial delay."""
    task, scheduler, begin = work(), replica(store), asyncio.get_running_loop().time()
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task, initial_delay=timedelta(seconds=0.6))
    await until(lambda: task.ended == 1)
    assert asyncio.get_running_loop().time() - begin > 0.55


async def test_crontab_lines_run_at_their_ticks(replica: Any, work: Any) -> None:
    """S41, S44: a crontab line runs at each tick, once."""
    task = work()
    begin = asyncio.get_running_loop().time()
    await replica(MemoryTaskStore()).schedule_task(id="a", frequency=Cron("* * * * * *"), timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 2)
    await asyncio.sleep(0.5)
    assert task.begun <= asyncio.get_running_loop().time() - begin + 1


async def test_manual_tasks_wait_for_a_trigger(store: Any, replica: Any, work: Any) -> None:
    """S40, S43, S44: a manual task runs once for each trigger, and never by itself."""
    task, scheduler = work(), replica(store)
    await scheduler.schedule_task(id="a", frequency="manual", timeout=MINUTE, fn=task)
    await asyncio.sleep(0.4)
    assert task.begun == 0

    async def run_to_its_end() -> None:
        before = task.ended
        await scheduler.trigger_task("a")
        await until(lambda: task.ended == before + 1)
        await until(lambda: not scheduler._engines["global"].is_running_here("a"))

    await run_to_its_end()
    await run_to_its_end()
    await asyncio.sleep(0.4)
    assert task.begun == 2
    assert (await state(store, "a")).next_start is None


async def test_triggering(store: Any, replica: Any, work: Any) -> None:
    """S48: a trigger makes a task due at once; an unknown task is not found, a running one is a conflict."""
    task, scheduler = work(hold=True), replica(store)
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task, initial_delay=HOUR)
    with pytest.raises(NotFoundError, match=r"^Task nope does not exist$"):
        await scheduler.trigger_task("nope")
    await scheduler.trigger_task("a")
    await until(lambda: task.begun == 1)
    with pytest.raises(ConflictError, match=r"^Task a is currently running$"):
        await scheduler.trigger_task("a")
    task.gate.set()


async def test_cancelling(store: Any, replica: Any, work: Any) -> None:
    """S48: cancelling aborts the run and records it; the task stays scheduled. An idle task is a conflict."""
    task, scheduler = work(hold=True), replica(store)
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    with pytest.raises(NotFoundError, match=r"^Task nope does not exist$"):
        await scheduler.cancel_task("nope")
    await until(lambda: task.begun == 1)
    await scheduler.cancel_task("a")
    await until(lambda: task.cancelled == 1)
    with pytest.raises(ConflictError, match=r"^Task a is not running$"):
        await scheduler.cancel_task("a")
    found = await state(store, "a")
    assert json.loads(found.error) == {"name": "Error", "message": "Task was cancelled"}
    assert found.next_start - await store.now() > timedelta(minutes=59)
    await scheduler.trigger_task("a")
    await until(lambda: task.begun == 2)


async def test_failing_runs(store: Any, replica: Any, work: Any, logger: RecordingLogger) -> None:
    """S47: a failing run is logged, its error is stored, and the task goes on; a good run clears the error."""
    task, scheduler = work(error=KeyError("boom")), replica(store)
    await scheduler.schedule_task(id="a", frequency=SHORT, timeout=MINUTE, fn=task)
    await until(lambda: task.begun >= 2)
    assert json.loads((await state(store, "a")).error) == {"name": "KeyError", "message": "'boom'"}
    assert logger.messages("error")[0] == "Task a failed: 'boom'"
    task._error = None

    async def cleared() -> bool:
        return (await state(store, "a")).error is None

    await until(cleared)


async def test_function_that_is_no_coroutine_function(store: Any, replica: Any, logger: RecordingLogger) -> None:
    """S47: a function that returns nothing to wait for fails its run with an error, and the scheduling goes on."""
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=lambda: None)
    await until(lambda: logger.messages("error"))
    assert "Task a failed: " in logger.messages("error")[0]


async def test_timeout(store: Any, replica: Any, work: Any) -> None:
    """S46: a run that takes longer than its timeout is aborted by its signal and cancelled, which is its error."""
    task = work(hold=True)
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=SHORT, fn=task)
    await until(lambda: task.cancelled == 1)
    assert task.reason == "timeout"

    async def recorded() -> bool:
        return (await state(store, "a")).error is not None

    await until(recorded)
    assert json.loads((await state(store, "a")).error)["message"] == "Task a timed out after PT0.2S"


async def test_slow_end_keeps_the_claim(
    store: Any, replica: Any, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S42: while a run that timed out has not ended yet nobody begins another, though its claim would have expired."""
    monkeypatch.setattr("understage.defaults.scheduler.engine.GRACE_SECONDS", 0.5)
    log: list[str] = []

    async def stubborn() -> None:
        log.append("begin")
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(1.2)
            log.append("end")

    for _ in range(2):
        await replica(store).schedule_task(id="a", frequency=SHORT, timeout=SHORT, fn=stubborn)
    await until(lambda: log.count("begin") == 2)
    assert log == ["begin", "end", "begin"]
    assert "Task a timed out but has not ended yet" in logger.messages("warning")


async def test_owner_stops_a_task(store: Any, replica: Any, work: Any) -> None:
    """S41, S46: the owner's signal aborts a run, and this process does the task no more."""
    task, scheduler, controller = work(hold=True), replica(store), AbortController()
    await scheduler.schedule_task(id="a", frequency=SHORT, timeout=MINUTE, fn=task, signal=controller.signal)
    await until(lambda: task.begun == 1)
    controller.abort("enough")
    await until(lambda: task.cancelled == 1)
    assert task.reason == "owner"
    assert await scheduler.get_scheduled_tasks() == []
    await asyncio.sleep(0.5)
    assert task.begun == 1
    await scheduler.schedule_task(id="b", frequency=SHORT, timeout=MINUTE, fn=task, signal=controller.signal)
    assert await scheduler.get_scheduled_tasks() == []


async def test_shutdown(store: Any, replica: Any, work: Any) -> None:
    """S46: stopping aborts runs and waits for them; what was cut short is done again by whoever is left."""
    task, scheduler = work(hold=True), replica(store)
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 1)
    await scheduler.stop()
    assert (task.cancelled, task.reason, task.ended) == (1, "shutdown", 1)
    found = await state(store, "a")
    assert (found.ticket, found.error) == (None, None)
    task.gate.set()
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.ended == 2)


async def test_peaceful_end_at_shutdown(store: Any, replica: Any) -> None:
    """S46: a run that ends well although it was told to stop has done its work and is not done again."""
    begun = asyncio.Event()

    async def polite() -> None:
        begun.set()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return

    scheduler = replica(store)
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=polite)
    await until(begun.is_set)
    await scheduler.stop()
    found = await state(store, "a")
    assert found.ended_at is not None
    assert found.next_start - await store.now() > timedelta(minutes=59)


async def test_scheduling_anew(store: Any, replica: Any, work: Any) -> None:
    """S45: an id that is scheduled again gets the new settings, and its next start may only come forward."""
    task, scheduler = work(), replica(store)

    async def schedule(frequency: Any) -> Any:
        await scheduler.schedule_task(id="a", frequency=frequency, timeout=MINUTE, fn=task)
        return (await state(store, "a")).next_start

    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task, initial_delay=HOUR)
    now = await store.now()
    assert abs(await schedule(2 * HOUR) - now - HOUR) < timedelta(seconds=5)
    assert abs(await schedule(HOUR / 2) - now - HOUR / 2) < timedelta(seconds=5)
    assert await schedule("manual") is None
    assert abs(await schedule(HOUR) - now - HOUR) < timedelta(seconds=5)
    assert [found.frequency for found in await scheduler.get_scheduled_tasks()] == [HOUR]
    assert task.begun == 0


async def test_restart_runs_nothing_early(store: Any, replica: Any, work: Any) -> None:
    """S45: a process that starts anew does not run what is not due yet."""
    task = work()
    first = replica(store)
    await first.schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.ended == 1)
    await first.stop()
    await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await asyncio.sleep(0.5)
    assert task.begun == 1


async def test_pending_trigger_survives_a_restart(store: Any, replica: Any, work: Any) -> None:
    """S45: scheduling a manual task anew does not lose a trigger that nobody has answered yet."""
    task = work()
    first = replica(store, start=False)
    await first.schedule_task(id="a", frequency="manual", timeout=MINUTE, fn=task)
    await first.trigger_task("a")
    await asyncio.sleep(0.01)
    await replica(store).schedule_task(id="a", frequency="manual", timeout=MINUTE, fn=task)
    await until(lambda: task.ended == 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, "'' cannot be the id of a task"),
        ({"id": 5}, "5 cannot be the id of a task"),
        ({"frequency": timedelta()}, "the frequency of task 'a' is "),
        ({"frequency": Cron("nope")}, "the crontab line 'nope' cannot be read"),
        ({"timeout": timedelta()}, "the timeout of task 'a' is "),
        ({"initial_delay": timedelta(seconds=-1)}, "the initial delay of task 'a' is "),
        ({"scope": "world"}, "task 'a' cannot have the scope 'world'"),
    ],
)
async def test_unusable_arguments(replica: Any, work: Any, changes: dict[str, Any], message: str) -> None:
    """S41: arguments that cannot be used are refused, and the error names the task."""
    arguments: dict[str, Any] = {"id": "a", "frequency": HOUR, "timeout": MINUTE, "fn": work(), **changes}
    with pytest.raises(InputError, match=message):
        await replica(MemoryTaskStore()).schedule_task(**arguments)


async def test_scopes(replica: Any, work: Any) -> None:
    """S41, S42: local tasks run in every process; an id has one scope."""
    shared, ours, everyones = MemoryTaskStore(), work(), work()
    replicas = [replica(shared), replica(shared)]
    for scheduler in replicas:
        await scheduler.schedule_task(id="l", frequency=HOUR, timeout=MINUTE, fn=everyones, scope="local")
        await scheduler.schedule_task(id="g", frequency=HOUR, timeout=MINUTE, fn=ours)
    await until(lambda: everyones.ended == 2 and ours.ended == 1)
    assert [state.id for state in await shared.read()] == ["g"]
    with pytest.raises(ConflictError, match=r"task 'l' is scheduled already, with the scope 'local'"):
        await replicas[0].schedule_task(id="l", frequency=HOUR, timeout=MINUTE, fn=ours)
    assert [(task.id, task.scope) for task in await replicas[0].get_scheduled_tasks()] == [
        ("l", "local"),
        ("g", "global"),
    ]


async def test_runner(store: Any, replica: Any, work: Any) -> None:
    """S40: a runner schedules tasks on a schedule that was decided elsewhere."""
    task, scheduler = work(), replica(store)
    runner = scheduler.create_scheduled_task_runner(TaskSchedule(HOUR, MINUTE, scope="local"))
    await runner.run(id="a", fn=task)
    await until(lambda: task.ended == 1)
    [found] = await scheduler.get_scheduled_tasks()
    assert (found.id, found.scope, found.frequency) == ("a", "local", HOUR)


async def test_listing(store: Any, replica: Any, work: Any) -> None:
    """S40: the tasks of this process are listed with how they stand, in the order of scheduling."""
    task, scheduler = work(hold=True), replica(store)
    await scheduler.schedule_task(id="b", frequency=HOUR, timeout=MINUTE, fn=task)
    await scheduler.schedule_task(id="a", frequency="manual", timeout=MINUTE, fn=task)
    await store.save("somebody else's", '{"cadence":"manual"}', None, None)
    await until(lambda: task.begun == 1)
    running, idle = await scheduler.get_scheduled_tasks()
    assert (running.id, running.status, running.starts_at) == ("b", "running", None)
    assert running.started_at is not None
    assert (idle.id, idle.status, idle.starts_at, idle.last_run_ended_at) == ("a", "idle", None, None)
    task.gate.set()

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from understage.errors import ConflictError, InputError, NotFoundError
from understage.plugin_api import (
    AbortController,
    AbortSignal,
    Cache,
    PluginRegistrationPoints,
    Scheduler,
    TaskSchedule,
    create_backend_plugin,
)
from understage.testing import mock_services, start_test_backend

HOUR = timedelta(hours=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def hold(signal: AbortSignal) -> None:
    await asyncio.sleep(60)


async def test_caches_are_fresh() -> None:
    """T5: each mock cache is empty, works in memory, and is another for each plugin."""
    one, two = mock_services.cache(), mock_services.cache()
    await one.set("a", {"b": 1})
    assert (await one.get("a"), await two.get("a")) == ({"b": 1}, None)


async def test_tasks_run_when_triggered() -> None:
    """T5: a mock scheduler runs a task when it is triggered, waits for its end, and raises what it raises."""
    runs: list[int] = []

    async def fn() -> None:
        runs.append(len(runs))
        if len(runs) == 2:
            raise KeyError("boom")

    scheduler = mock_services.scheduler()
    await scheduler.create_scheduled_task_runner(TaskSchedule(HOUR, HOUR)).run(id="a", fn=fn)
    assert runs == []
    await scheduler.trigger_task("a")
    with pytest.raises(KeyError, match="boom"):
        await scheduler.trigger_task("a")
    assert runs == [0, 1]
    assert scheduler.schedules == {"a": TaskSchedule(HOUR, HOUR)}
    assert [(task.id, task.status) for task in await scheduler.get_scheduled_tasks()] == [("a", "idle")]
    await mock_services.scheduler().stop()


async def test_refusals() -> None:
    """T5: a mock scheduler refuses what the real one refuses."""
    scheduler = mock_services.scheduler()
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=HOUR, fn=hold)
    with pytest.raises(InputError):
        await scheduler.schedule_task(id="", frequency=HOUR, timeout=HOUR, fn=hold)
    for call in (scheduler.trigger_task, scheduler.cancel_task, scheduler.wait_for_task):
        with pytest.raises(NotFoundError, match=r"^Task nope does not exist$"):
            await call("nope")
    with pytest.raises(ConflictError, match=r"^Task a is not running$"):
        await scheduler.cancel_task("a")
    await scheduler.wait_for_task("a")
    running = asyncio.create_task(scheduler.trigger_task("a"))
    await asyncio.sleep(0)
    with pytest.raises(ConflictError, match=r"^Task a is currently running$"):
        await scheduler.trigger_task("a")
    await scheduler.cancel_task("a")
    await running


async def test_owner_stops_a_task() -> None:
    """T5: the owner's signal takes a task out of a mock scheduler and aborts its run."""
    scheduler, controller = mock_services.scheduler(), AbortController()
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=HOUR, fn=hold, signal=controller.signal)
    running = asyncio.create_task(scheduler.trigger_task("a"))
    await asyncio.sleep(0)
    controller.abort()
    assert await scheduler.get_scheduled_tasks() == []
    with pytest.raises(NotFoundError):
        await scheduler.trigger_task("a")
    async with asyncio.timeout(1):
        await running


@pytest.mark.parametrize("run_at_startup", [True, False])
async def test_in_a_test_backend(run_at_startup: bool) -> None:
    """T4, T5: in a test backend, tasks that are due at once run once after the start, unless the test says no; the rest
    waits for a trigger."""
    seen: list[str] = []
    made: list[Any] = []

    def task(name: str) -> Any:
        async def fn() -> None:
            seen.append(name)

        return fn

    @create_backend_plugin(plugin_id="shop")
    def shop(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(scheduler: Scheduler, cache: Cache) -> None:
            made.append(scheduler)
            await cache.set("a", 1)
            assert await cache.get("a") == 1
            await scheduler.schedule_task(id="now", frequency=HOUR, timeout=HOUR, fn=task("now"))
            await scheduler.schedule_task(id="manual", frequency="manual", timeout=HOUR, fn=task("manual"))
            await scheduler.schedule_task(
                id="later", frequency=HOUR, timeout=HOUR, fn=task("later"), initial_delay=HOUR
            )
            assert seen == []

    factory = mock_services.scheduler.factory(run_at_startup=run_at_startup)
    async with start_test_backend(features=[shop, factory]):
        await made[0].wait_for_task("now")
        assert seen == (["now"] if run_at_startup else [])
        await made[0].trigger_task("manual")
        assert seen[-1] == "manual"

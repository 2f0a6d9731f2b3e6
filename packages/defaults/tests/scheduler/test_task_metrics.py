"""What is measured of tasks."""

import time
from datetime import timedelta

from tests.support.waiting import until

from understage.defaults.scheduler import scheduler_service_factory
from understage.plugin_api import PluginRegistrationPoints, Scheduler, SchedulerService, create_backend_plugin
from understage.testing import MockMetrics, mock_services, start_test_backend

NAME = "backend_tasks.task.runs"


async def test_runs_are_counted_and_timed() -> None:
    """S51: runs are counted by task, scope and result, and timed; gauges tell when a task last began and ended."""
    metrics = MockMetrics()
    schedulers: list[SchedulerService] = []
    broken = False

    async def work() -> None:
        if broken:
            raise ValueError("broken")

    @create_backend_plugin(plugin_id="search")
    def search(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(scheduler: Scheduler) -> None:
            schedulers.append(scheduler)
            timeout = timedelta(seconds=30)
            await scheduler.schedule_task(id="shared", frequency="manual", timeout=timeout, fn=work)
            await scheduler.schedule_task(id="own", frequency="manual", timeout=timeout, fn=work, scope="local")

    began = time.time()
    async with start_test_backend(features=[search, scheduler_service_factory, mock_services.metrics.factory(metrics)]):
        (scheduler,) = schedulers
        await scheduler.trigger_task("shared")
        await until(lambda: metrics.total(f"{NAME}.count", {"taskId": "shared", "result": "completed"}) == 1)
        broken = True
        await scheduler.trigger_task("own")
        await until(lambda: metrics.total(f"{NAME}.count", {"taskId": "own", "result": "failed"}) == 1)
    shared, own = ({"taskId": task_id, "scope": scope} for task_id, scope in (("shared", "global"), ("own", "local")))
    assert [(one.value, one.attributes) for one in metrics.measurements(f"{NAME}.count")] == [
        (1, {**shared, "result": "started"}),
        (1, {**shared, "result": "completed"}),
        (1, {**own, "result": "started"}),
        (1, {**own, "result": "failed"}),
    ]
    durations = metrics.measurements(f"{NAME}.duration")
    assert [one.attributes for one in durations] == [{**shared, "result": "completed"}, {**own, "result": "failed"}]
    assert all(0 <= one.value < 30 for one in durations)
    for gauge in ("started", "completed"):
        values = metrics.measurements(f"{NAME}.{gauge}")
        assert [dict(one.attributes or {})["taskId"] for one in values] == ["shared", "own"]
        assert all(began - 1 <= one.value <= time.time() + 1 for one in values)
    kinds = {name.rpartition(".")[2]: instrument.kind for name, instrument in metrics.instruments.items()}
    assert kinds == {"count": "counter", "duration": "histogram", "started": "gauge", "completed": "gauge"}

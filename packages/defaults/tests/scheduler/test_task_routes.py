import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from understage.defaults.scheduler import scheduler_service_factory
from understage.plugin_api import (
    Cron,
    HttpRouter,
    PluginRegistrationPoints,
    Scheduler,
    core_services,
    create_backend_plugin,
)
from understage.testing import ServiceFactoryTester, mock_credentials, mock_services, start_test_backend

TASKS = "/.backstage/scheduler/v1/tasks"
HOUR = timedelta(hours=1)


def plugin_with(*tasks: dict[str, Any]) -> Any:
    @create_backend_plugin(plugin_id="shop")
    def shop(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(scheduler: Scheduler, http_router: HttpRouter) -> None:
            for task in tasks:
                await scheduler.schedule_task(**task)

    return shop


async def nothing() -> None:
    return


async def hold() -> None:
    await asyncio.sleep(60)


def backend_with(*tasks: dict[str, Any]) -> Any:
    return start_test_backend(features=[scheduler_service_factory, plugin_with(*tasks)])


async def ask(backend: Any, method: str = "GET", path: str = "", **options: Any) -> Any:
    return await backend.client.request(method, f"/api/shop{TASKS}{path}", **options)


async def running(backend: Any, task_id: str) -> None:
    while True:
        tasks = {task["taskId"]: task for task in (await ask(backend)).json()["tasks"]}
        if tasks[task_id]["workerState"]["status"] == "running":
            return
        await asyncio.sleep(0.02)


async def ended(backend: Any, task_id: str) -> Any:
    while True:
        tasks = {task["taskId"]: task for task in (await ask(backend)).json()["tasks"]}
        if "lastRunEndedAt" in tasks[task_id]["taskState"]:
            return tasks[task_id]
        await asyncio.sleep(0.02)


async def test_listing_as_recorded() -> None:
    """S49: a task between two runs is listed as a stock backend lists it: same members, order and forms."""
    task = {"id": "orphan_cleanup", "frequency": timedelta(seconds=30), "timeout": timedelta(seconds=24), "fn": nothing}
    async with backend_with(task) as backend, asyncio.timeout(10):
        document = await ended(backend, "orphan_cleanup")
        response = await ask(backend)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    state = document["taskState"]
    times = [datetime.fromisoformat(state[name]) for name in ("startsAt", "lastRunEndedAt")]
    assert timedelta(seconds=29) < times[0] - times[1] <= timedelta(seconds=30)
    assert all(len(state[name]) == len("2026-11-21T08:29:42.753+00:00") for name in ("startsAt", "lastRunEndedAt"))
    state["startsAt"], state["lastRunEndedAt"] = "2026-11-21T08:29:42.753+00:00", "2026-11-21T08:29:12.762+00:00"
    expected = (
        b'{"tasks":[{"taskId":"orphan_cleanup","pluginId":"shop","scope":"global","settings":{"version":2,'
        b'"cadence":"PT30S","timeoutAfterDuration":"PT24S"},"taskState":{"status":"idle",'
        b'"startsAt":"2026-11-21T08:29:42.753+00:00","lastRunEndedAt":"2026-11-21T08:29:12.762+00:00"},'
        b'"workerState":{"status":"idle"}}]}'
    )
    assert msgspec.json.encode({"tasks": [document]}) == expected


async def test_listing_all_kinds() -> None:
    """S49: settings, state and worker of every kind of task are shown; a failure as JSON text."""

    async def boom() -> None:
        raise KeyError("boom")

    tasks = [
        {"id": "cron", "frequency": Cron("0 3 * * *"), "timeout": timedelta(days=1), "fn": nothing},
        {"id": "manual", "frequency": "manual", "timeout": HOUR, "fn": nothing, "scope": "local"},
        {"id": "delayed", "frequency": HOUR, "timeout": HOUR, "fn": nothing, "initial_delay": HOUR},
        {"id": "held", "frequency": HOUR, "timeout": timedelta(seconds=90), "fn": hold},
        {"id": "fails", "frequency": HOUR, "timeout": HOUR, "fn": boom},
    ]
    async with backend_with(*tasks) as backend, asyncio.timeout(10):
        await ended(backend, "fails")
        cron, manual, delayed, held, fails = (await ask(backend)).json()["tasks"]
    assert cron["settings"] == {"version": 2, "cadence": "0 3 * * *", "timeoutAfterDuration": "P1D"}
    assert cron["taskState"]["startsAt"].endswith("T03:00:00.000+00:00")
    assert (manual["settings"]["cadence"], manual["scope"]) == ("manual", "local")
    assert manual["taskState"] == {"status": "idle"}
    assert delayed["settings"]["initialDelayDuration"] == "PT1H"
    assert delayed["workerState"] == {"status": "initial-wait"}
    assert (held["taskState"]["status"], held["workerState"]["status"]) == ("running", "running")
    started, out = (datetime.fromisoformat(held["taskState"][name]) for name in ("startedAt", "timesOutAt"))
    assert abs(out - started - timedelta(seconds=90)) < timedelta(milliseconds=10)
    assert set(held["taskState"]) == {"status", "startedAt", "timesOutAt"}
    assert fails["taskState"]["lastRunError"] == '{"name":"KeyError","message":"\'boom\'"}'


async def test_trigger_and_cancel() -> None:
    """S48, S49: triggering and cancelling answer 200 with an empty body, and refusals as recorded."""
    task = {"id": "a/b c", "frequency": "manual", "timeout": HOUR, "fn": hold}
    async with backend_with(task) as backend, asyncio.timeout(10):
        path = "/a%2Fb%20c"
        refused = await ask(backend, "POST", f"{path}/cancel")
        assert refused.status_code == 409
        assert refused.json() == {
            "error": {"name": "ConflictError", "message": "Task a/b c is not running"},
            "request": {"method": "POST", "url": f"{TASKS}{path}/cancel"},
            "response": {"statusCode": 409},
        }
        response = await ask(backend, "POST", f"{path}/trigger")
        assert (response.status_code, response.content) == (200, b"")
        assert "content-type" not in response.headers
        await running(backend, "a/b c")
        refused = await ask(backend, "POST", f"{path}/trigger")
        assert (refused.status_code, refused.json()["error"]["message"]) == (409, "Task a/b c is currently running")
        response = await ask(backend, "POST", f"{path}/cancel")
        assert (response.status_code, response.content) == (200, b"")
        for action in ("trigger", "cancel"):
            missing = await ask(backend, "POST", f"/nope/{action}")
            assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Task nope does not exist")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/a"), ("PUT", ""), ("POST", ""), ("GET", "/a/trigger"), ("POST", "/a/start"), ("POST", "//trigger")],
)
async def test_other_routes(method: str, path: str) -> None:
    """S49: whatever else is asked below the scheduler's path is an empty 404."""
    async with backend_with() as backend:
        response = await ask(backend, method, path)
        assert (await backend.client.get("/api/shop/.backstage/scheduler")).status_code == 404
    assert (response.status_code, response.content) == (404, b"")


async def test_callers() -> None:
    """S49: users and services may ask, nobody else."""
    async with backend_with() as backend:
        for credentials, status in (
            (mock_credentials.user, 200),
            (mock_credentials.service, 200),
            (mock_credentials.none, 401),
        ):
            assert (await ask(backend, headers=credentials.header())).status_code == status


async def test_only_where_the_scheduler_is_used() -> None:
    """S49: a plugin that does not use the scheduler has no such routes."""

    @create_backend_plugin(plugin_id="shop")
    def shop(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_router: HttpRouter) -> None:
            return

    async with start_test_backend(features=[scheduler_service_factory, shop]) as backend:
        response = await ask(backend)
    assert (response.status_code, response.content) == (404, b"")


async def test_stops_with_its_plugin() -> None:
    """S46: the runs of a plugin are aborted when the backend stops."""
    seen: list[str] = []

    async def fn() -> None:
        seen.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("ended")

    async with backend_with({"id": "a", "frequency": HOUR, "timeout": HOUR, "fn": fn}) as backend, asyncio.timeout(10):
        await running(backend, "a")
    assert seen == ["begun", "ended"]


async def test_a_scheduler_that_comes_late() -> None:
    """S43: a scheduler that is asked for only after its plugin has started runs tasks at once, without routes."""
    factory = ServiceFactoryTester.from_factory(
        scheduler_service_factory, dependencies=[mock_services.database.factory()]
    )
    await factory.get_service(core_services.http_router)
    await (await factory.get_service(core_services.lifecycle)).startup()
    done = asyncio.Event()

    async def fn() -> None:
        done.set()

    scheduler = await factory.get_subject()
    await scheduler.schedule_task(id="a", frequency=HOUR, timeout=HOUR, fn=fn)
    async with asyncio.timeout(5):
        await done.wait()
    await (await factory.get_service(core_services.lifecycle)).shutdown()


async def test_an_unused_scheduler_touches_nothing() -> None:
    """S42: a scheduler without tasks asks its database for nothing."""
    database = mock_services.database.mock()
    factory = ServiceFactoryTester.from_factory(scheduler_service_factory, dependencies=[database.factory])
    await factory.get_subject()
    lifecycle = await factory.get_service(core_services.lifecycle)
    await lifecycle.startup()
    await asyncio.sleep(0.1)
    await lifecycle.shutdown()
    assert database.mock_calls == []

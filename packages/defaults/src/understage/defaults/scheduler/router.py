"""The routes by which a plugin's tasks are listed, triggered and cancelled."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from understage.defaults.root_http_router.answers import json_bytes, not_found, send_empty, send_json
from understage.defaults.scheduler.engine import GRACE_SECONDS
from understage.defaults.scheduler.scheduler import DefaultScheduler, TaskReport
from understage.defaults.scheduler.store import TaskState
from understage.plugin_api import Receive, Scope, Send

SCHEDULER_PATH = "/.backstage/scheduler"

_TASKS = "/v1/tasks"
_ACTION = re.compile(rf"{_TASKS}/(?P<id>.+)/(?P<action>trigger|cancel)", re.DOTALL)


class SchedulerRoutes:
    """An ASGI app for the tasks of a plugin.

    Args:
        scheduler: the plugin's scheduler.
        plugin_id: the plugin.
    """

    def __init__(self, scheduler: DefaultScheduler, plugin_id: str) -> None:
        self._scheduler = scheduler
        self._plugin_id = plugin_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        path = scope["path"][len(scope["root_path"]) :].rstrip("/")
        method = scope.get("method")
        if method in ("GET", "HEAD") and path == _TASKS:
            await send_json(send, 200, json_bytes({"tasks": await self._list()}))
            return
        match = _ACTION.fullmatch(path)
        if method != "POST" or match is None:
            await not_found(scope, receive, send)
            return
        if match["action"] == "trigger":
            await self._scheduler.trigger_task(match["id"])
        else:
            await self._scheduler.cancel_task(match["id"])
        await send_empty(send, 200)

    async def _list(self) -> list[dict[str, Any]]:
        return [task_document(report, self._plugin_id) for report in await self._scheduler.report()]


def task_document(report: TaskReport, plugin_id: str) -> dict[str, Any]:
    """Returns a task in the form in which it is listed.

    Args:
        report: the task and how it stands.
        plugin_id: the plugin.
    """
    return {
        "taskId": report.task.id,
        "pluginId": plugin_id,
        "scope": report.task.scope,
        "settings": report.task.settings(),
        "taskState": None if report.state is None else _state_document(report.state),
        "workerState": {"status": report.worker},
    }


def _state_document(state: TaskState) -> dict[str, Any]:
    if state.ticket is None:
        document = {"status": "idle", "startsAt": _time(state.next_start)}
    else:
        ends = None if state.expires_at is None else state.expires_at - timedelta(seconds=GRACE_SECONDS)
        document = {"status": "running", "startedAt": _time(state.started_at), "timesOutAt": _time(ends)}
    document |= {"lastRunEndedAt": _time(state.ended_at), "lastRunError": state.error}
    return {key: value for key, value in document.items() if value is not None}


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")

"""The scheduler of a plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from understage.defaults.scheduler.cadence import check_duration, check_frequency
from understage.defaults.scheduler.engine import TaskEngine
from understage.defaults.scheduler.store import Refusal, TaskState, TaskStore
from understage.defaults.scheduler.task import Task
from understage.defaults.scheduler.task_metrics import TaskMetrics
from understage.errors import ConflictError, InputError, NotFoundError
from understage.plugin_api import (
    AbortSignal,
    LoggerService,
    ScheduledTask,
    TaskFrequency,
    TaskFunction,
    TaskSchedule,
    TaskScope,
)


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A task and how it stands.

    Attributes:
        task: the task.
        state: its state, or None if it was deleted from the store.
        worker: what this process does with it.
    """

    task: Task
    state: TaskState | None
    worker: Literal["initial-wait", "idle", "running"]


class DefaultScheduler:
    """Schedules tasks of a plugin: those that replicas share, and those that each process does.

    Args:
        shared: what the replicas share.
        own: what is this process's own.
        logger: where failures of runs go.
        metrics: measures runs.
    """

    def __init__(
        self, shared: TaskStore, own: TaskStore, logger: LoggerService, metrics: TaskMetrics | None = None
    ) -> None:
        self._logger = logger
        self._engines: dict[TaskScope, TaskEngine] = {
            "global": TaskEngine(shared, logger, "global", metrics),
            "local": TaskEngine(own, logger, "local", metrics),
        }
        # The order of scheduling, over both scopes.
        self._scopes: dict[str, TaskScope] = {}

    def start(self) -> None:
        """Begins to run tasks; until then they are only scheduled."""
        for engine in self._engines.values():
            engine.start()

    async def stop(self) -> None:
        """Aborts all runs and runs no more."""
        await asyncio.gather(*(engine.stop() for engine in self._engines.values()))

    async def schedule_task(
        self,
        *,
        id: str,
        frequency: TaskFrequency,
        timeout: timedelta,  # noqa: ASYNC109 - of each run, not of this call
        fn: TaskFunction,
        initial_delay: timedelta | None = None,
        scope: TaskScope = "global",
        signal: AbortSignal | None = None,
    ) -> None:
        """Schedules a task. An id that is scheduled already gets the new settings.

        Raises:
            InputError: an argument cannot be used.
            ConflictError: a task of the other scope has this id.
        """
        task_id: Any = id
        if not isinstance(task_id, str) or not task_id:
            raise InputError(f"{task_id!r} cannot be the id of a task; it must be a text and not empty")
        if scope not in self._engines:
            raise InputError(f"task '{id}' cannot have the scope {scope!r}; it must be 'global' or 'local'")
        if self._scopes.get(id, scope) != scope:
            raise ConflictError(f"task '{id}' is scheduled already, with the scope '{self._scopes[id]}'")
        engine = self._engines[scope]
        check_frequency(id, frequency, await engine.now())
        check_duration(id, "timeout", timeout)
        if initial_delay:
            check_duration(id, "initial delay", initial_delay)
        if signal is not None and signal.aborted:
            return
        waits_until = asyncio.get_running_loop().time() + (initial_delay or timedelta()).total_seconds()
        task = Task(id, frequency, timeout, fn, initial_delay or None, scope, signal, waits_until)
        await engine.add(task)
        self._scopes[id] = scope
        self._logger.debug("Scheduled a task", task=id, scope=scope, **task.settings())

    def create_scheduled_task_runner(self, schedule: TaskSchedule) -> ScheduleRunner:
        """Returns a runner that schedules tasks as decided here."""
        return ScheduleRunner(self, schedule)

    async def trigger_task(self, id: str) -> None:
        """Makes a task due now.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is running.
        """
        _raise_refusal(id, await self._engine_of(id).trigger(id))

    async def cancel_task(self, id: str) -> None:
        """Aborts the run of a task, on whichever replica it runs.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is not running.
        """
        _raise_refusal(id, await self._engine_of(id).cancel(id))

    async def get_scheduled_tasks(self) -> Sequence[ScheduledTask]:
        """Returns the tasks that this process has scheduled, in the order of scheduling."""
        return [_describe(report) for report in await self.report()]

    async def report(self) -> list[TaskReport]:
        """Returns the tasks that this process has scheduled, and how they stand."""
        reports: dict[str, TaskReport] = {}
        for engine in self._engines.values():
            tasks = engine.tasks
            states = await engine.read() if tasks else {}
            for task in tasks:
                reports[task.id] = TaskReport(task, states.get(task.id), _worker_state(engine, task))
        return [reports[task_id] for task_id in self._scopes if task_id in reports]

    def _engine_of(self, task_id: str) -> TaskEngine:
        # A task that only other replicas have scheduled is in the shared store.
        return self._engines[self._scopes.get(task_id, "global")]


class ScheduleRunner:
    """Schedules tasks on a schedule that was decided before.

    Args:
        scheduler: what schedules them.
        schedule: when they run.
    """

    def __init__(self, scheduler: DefaultScheduler, schedule: TaskSchedule) -> None:
        self._scheduler = scheduler
        self._schedule = schedule

    async def run(self, *, id: str, fn: TaskFunction, signal: AbortSignal | None = None) -> None:
        """Schedules a task.

        Raises:
            InputError: the id or the schedule cannot be used.
        """
        await self._scheduler.schedule_task(
            id=id,
            frequency=self._schedule.frequency,
            timeout=self._schedule.timeout,
            fn=fn,
            initial_delay=self._schedule.initial_delay,
            scope=self._schedule.scope,
            signal=signal,
        )


def _worker_state(engine: TaskEngine, task: Task) -> Literal["initial-wait", "idle", "running"]:
    if engine.is_running_here(task.id):
        return "running"
    return "initial-wait" if asyncio.get_running_loop().time() < task.waits_until else "idle"


def _raise_refusal(task_id: str, refusal: Refusal | None) -> None:
    if refusal == "missing":
        raise NotFoundError(f"Task {task_id} does not exist")
    if refusal == "running":
        raise ConflictError(f"Task {task_id} is currently running")
    if refusal == "idle":
        raise ConflictError(f"Task {task_id} is not running")


def _describe(report: TaskReport) -> ScheduledTask:
    task = report.task
    state = report.state or TaskState(task.id)
    return ScheduledTask(
        id=task.id,
        scope=task.scope,
        frequency=task.frequency,
        status="idle" if state.ticket is None else "running",
        starts_at=state.next_start if state.ticket is None else None,
        started_at=state.started_at,
        last_run_ended_at=state.ended_at,
        last_run_error=state.error,
    )

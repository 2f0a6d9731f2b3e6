"""A scheduler for tests: tasks run when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from understage.defaults.scheduler.task import takes_signal
from understage.errors import ConflictError, InputError, NotFoundError
from understage.plugin_api import (
    AbortController,
    AbortSignal,
    Lifecycle,
    ScheduledTask,
    SchedulerService,
    ServiceFactory,
    TaskFrequency,
    TaskFunction,
    TaskSchedule,
    TaskScope,
    core_services,
    create_service_factory,
)


@dataclass
class _Task:
    schedule: TaskSchedule
    fn: TaskFunction
    controller: AbortController = field(default_factory=AbortController)
    run: asyncio.Task[Any] | None = None

    @property
    def running(self) -> bool:
        return self.run is not None and not self.run.done()


class MockScheduler:
    """Remembers tasks. Nothing runs by time: `trigger_task` runs a task to its end and raises what it raises."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Task] = {}

    @property
    def schedules(self) -> dict[str, TaskSchedule]:
        """When the tasks that were scheduled would run, by id."""
        return {task_id: task.schedule for task_id, task in self._tasks.items()}

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
        """Remembers a task.

        Raises:
            InputError: the id is empty.
        """
        if not id:
            raise InputError("a task needs an id that is a text and not empty")
        task = self._tasks[id] = _Task(TaskSchedule(frequency, timeout, initial_delay, scope), fn)
        if signal is not None:
            signal.add_callback(lambda: self._remove(id, task))

    def create_scheduled_task_runner(self, schedule: TaskSchedule) -> _MockRunner:
        """Returns a runner that schedules tasks as decided here."""
        return _MockRunner(self, schedule)

    async def trigger_task(self, id: str) -> None:
        """Runs a task and waits for its end.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is running.
            Exception: what the task raises.
        """
        task = self._find(id)
        if task.running:
            raise ConflictError(f"Task {id} is currently running")
        self._start(task)
        await self.wait_for_task(id)

    async def wait_for_task(self, id: str) -> None:
        """Waits for the end of a task's run that was begun at startup, or returns at once if none was.

        Raises:
            NotFoundError: there is no such task.
            Exception: what the task raises.
        """
        run = self._find(id).run
        if run is not None:
            await asyncio.wait([run])
            if not run.cancelled():
                run.result()

    async def cancel_task(self, id: str) -> None:
        """Aborts the run of a task.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is not running.
        """
        task = self._find(id)
        if not task.running:
            raise ConflictError(f"Task {id} is not running")
        _abort(task, "cancelled")

    async def get_scheduled_tasks(self) -> Sequence[ScheduledTask]:
        """Returns the tasks that were scheduled."""
        return [_describe(task_id, task) for task_id, task in self._tasks.items()]

    async def run_at_startup(self) -> None:
        """Begins a run of each task that a real scheduler would run at once: not manual and not delayed."""
        for task in self._tasks.values():
            if isinstance(task.schedule.frequency, timedelta) and not task.schedule.initial_delay:
                self._start(task)

    async def stop(self) -> None:
        """Aborts all runs and waits for their end."""
        runs = [task.run for task in self._tasks.values() if task.run is not None and task.running]
        for task in self._tasks.values():
            _abort(task, "shutdown")
        if runs:
            await asyncio.wait(runs)

    def _find(self, task_id: str) -> _Task:
        if task_id not in self._tasks:
            raise NotFoundError(f"Task {task_id} does not exist")
        return self._tasks[task_id]

    def _remove(self, task_id: str, task: _Task) -> None:
        _abort(task, "aborted by its owner")
        if self._tasks.get(task_id) is task:
            del self._tasks[task_id]

    def _start(self, task: _Task) -> None:
        task.controller = AbortController()
        task.run = asyncio.create_task(_run(task))


class _MockRunner:
    def __init__(self, scheduler: MockScheduler, schedule: TaskSchedule) -> None:
        self._scheduler = scheduler
        self._schedule = schedule

    async def run(self, *, id: str, fn: TaskFunction, signal: AbortSignal | None = None) -> None:
        """Remembers a task."""
        schedule = self._schedule
        await self._scheduler.schedule_task(
            id=id,
            frequency=schedule.frequency,
            timeout=schedule.timeout,
            fn=fn,
            initial_delay=schedule.initial_delay,
            scope=schedule.scope,
            signal=signal,
        )


def mock_scheduler_factory(*, run_at_startup: bool = True) -> ServiceFactory[SchedulerService]:
    """Returns a factory of schedulers, a fresh one for each plugin and backend.

    Args:
        run_at_startup: whether tasks that are neither manual nor delayed run once when the plugin has started.
    """

    @create_service_factory(service=core_services.scheduler)
    def factory(lifecycle: Lifecycle) -> SchedulerService:
        scheduler = MockScheduler()
        if run_at_startup:
            lifecycle.add_startup_hook(scheduler.run_at_startup)
        lifecycle.add_shutdown_hook(scheduler.stop)
        return scheduler

    return factory


async def _run(task: _Task) -> None:
    fn: Any = task.fn
    await (fn(task.controller.signal) if takes_signal(task.fn) else fn())


def _abort(task: _Task, reason: str) -> None:
    task.controller.abort(reason)
    if task.run is not None:
        task.run.cancel()


def _describe(task_id: str, task: _Task) -> ScheduledTask:
    status: Literal["running", "idle"] = "running" if task.running else "idle"
    return ScheduledTask(id=task_id, scope=task.schedule.scope, frequency=task.schedule.frequency, status=status)

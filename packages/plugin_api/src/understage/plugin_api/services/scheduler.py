"""The scheduler service: work that is done again and again, by one replica or by each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from understage.config import Config, ConfigError
from understage.plugin_api.abort import AbortSignal

TaskScope = Literal["global", "local"]
TaskFunction = Callable[[AbortSignal], Awaitable[object]] | Callable[[], Awaitable[object]]
"""What a task does: a coroutine function, with or without a parameter for the signal that asks it to stop."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Runs at the times that a crontab line names, in UTC.

    Attributes:
        expression: five fields (minute, hour, day of month, month, day of week), or six with seconds first.
    """

    expression: str


TaskFrequency = timedelta | Cron | Literal["manual"]
"""How often a task runs: at an interval, by a crontab line, or only when triggered."""


@dataclass(frozen=True, slots=True)
class TaskSchedule:
    """When a task runs.

    Attributes:
        frequency: how often: a timedelta, `Cron(...)`, or `"manual"` for only when triggered.
        timeout: how long a run may take; then it is aborted.
        initial_delay: how long to wait before the first run of all.
        scope: `global` runs are shared by all replicas, of which one does each; `local` ones are done by every process.
    """

    frequency: TaskFrequency
    timeout: timedelta
    initial_delay: timedelta | None = None
    scope: TaskScope = "global"


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """A task of this plugin, as this process sees it.

    Attributes:
        id: its id.
        scope: `global` or `local`.
        frequency: how often it runs.
        status: `running` on any replica, or `idle`.
        starts_at: when the next run is due, in UTC, if one is planned.
        started_at: when the present run began.
        last_run_ended_at: when the last run ended.
        last_run_error: what the last run failed with, as JSON text, or None if it went well.
    """

    id: str
    scope: TaskScope
    frequency: TaskFrequency
    status: Literal["idle", "running"]
    starts_at: datetime | None = None
    started_at: datetime | None = None
    last_run_ended_at: datetime | None = None
    last_run_error: str | None = None


class ScheduledTaskRunner(Protocol):
    """Runs tasks on a schedule that was decided before."""

    async def run(self, *, id: str, fn: TaskFunction, signal: AbortSignal | None = None) -> None:
        """Schedules a task; the arguments as those of `SchedulerService.schedule_task`."""
        ...


class SchedulerService(Protocol):
    """Schedules the tasks of a plugin. Runs begin once the plugin has started, and are aborted when it stops.

    A run is aborted when it takes longer than its timeout, when the plugin stops, when it is cancelled, and when its
    claim was lost to another replica. The function's signal then says so, and the function is cancelled: it should let
    `asyncio.CancelledError` pass. A run that was cut short by the end of its process is done again by another.
    """

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

        Args:
            id: names the task within the plugin; the same in all replicas.
            frequency: how often it runs: a timedelta, `Cron(...)`, or `"manual"`.
            timeout: how long a run may take; then it is aborted.
            fn: what it does; the first run is at once, or after the delay, or at the next time of a crontab line.
            initial_delay: how long to wait before the first run of all.
            scope: `global` runs are shared by all replicas, of which one does each; `local` ones are done by every
                process.
            signal: when it aborts, a run under way is aborted and this process does no more.

        Raises:
            InputError: the id is empty, the frequency or the timeout cannot be used.
        """
        ...

    def create_scheduled_task_runner(self, schedule: TaskSchedule) -> ScheduledTaskRunner:
        """Returns a runner that schedules tasks as decided here, for those who do not decide it themselves.

        Args:
            schedule: when the tasks run.
        """
        ...

    async def trigger_task(self, id: str) -> None:
        """Makes a task due now.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is running.
        """
        ...

    async def cancel_task(self, id: str) -> None:
        """Aborts the run of a task, on whichever replica it runs. The task stays scheduled.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it is not running.
        """
        ...

    async def get_scheduled_tasks(self) -> Sequence[ScheduledTask]:
        """Returns the tasks that this process has scheduled, in the order of scheduling."""
        ...


def read_task_schedule_from_config(config: Config) -> TaskSchedule:
    """Reads a schedule from a section of the configuration.

    The section holds `frequency` (a duration, `{cron: "0 * * * *"}` or `{trigger: manual}`), `timeout` (a duration),
    and maybe `initialDelay` (a duration) and `scope` (`global` or `local`).

    Args:
        config: the section.

    Raises:
        ConfigError: a part is missing or cannot be used; it names key, file and line.
    """
    return TaskSchedule(
        frequency=_read_frequency(config),
        timeout=config.get_duration("timeout"),
        initial_delay=config.get_optional_duration("initialDelay"),
        scope=_read_scope(config),
    )


def _read_frequency(config: Config) -> TaskFrequency:
    value = config.get("frequency")
    if isinstance(value, dict) and "cron" in value:
        return Cron(config.get_string("frequency.cron"))
    if isinstance(value, dict) and "trigger" in value:
        if config.get_string("frequency.trigger") != "manual":
            raise _unusable(config, "frequency.trigger", "the only trigger is 'manual'")
        return "manual"
    return config.get_duration("frequency")


def _read_scope(config: Config) -> TaskScope:
    scope = config.get_optional_string("scope")
    if scope is None or scope == "global":
        return "global"
    if scope == "local":
        return "local"
    raise _unusable(config, "scope", f"expected 'global' or 'local', got '{scope}'")


def _unusable(config: Config, key: str, problem: str) -> ConfigError:
    return ConfigError(problem, key=key, location=config.location_of(key))

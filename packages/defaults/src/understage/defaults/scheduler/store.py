"""What the state of tasks is kept in: when they are due, who runs them, how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import msgspec

Refusal = Literal["missing", "running", "idle"]


class PolledTask(msgspec.Struct, frozen=True):
    """A task that runs, or that is due now or soon.

    Attributes:
        id: its id; None in the one row that only tells the time.
        ticket: what the process that runs it holds, or None if nobody runs it.
        next_start: when it is due.
        expires_at: when the ticket ends.
        now: the store's time.
    """

    id: str | None
    ticket: str | None
    next_start: datetime | None
    expires_at: datetime | None
    now: datetime


class TaskState(msgspec.Struct, frozen=True):
    """All that is known of a task.

    Attributes:
        id: its id.
        ticket: what the process that runs it holds, or None if nobody runs it.
        next_start: when it is due.
        started_at: when the present run began.
        expires_at: when the ticket ends.
        ended_at: when the last run ended.
        error: what the last run failed with, as JSON text.
    """

    id: str
    ticket: str | None = None
    next_start: datetime | None = None
    started_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """The present state, as far as somebody has to do something.

    Attributes:
        now: the store's time.
        tasks: those that run, and those due within the horizon.
    """

    now: datetime
    tasks: Sequence[PolledTask]


class TaskStore(Protocol):
    """Keeps the state of tasks. Its clock is the only one that counts for when something is due or expires."""

    async def now(self) -> datetime:
        """Returns the store's time, in UTC."""
        ...

    async def save(self, task_id: str, settings_json: str, first: datetime | None, again: datetime | None) -> None:
        """Keeps a task and its settings.

        Args:
            task_id: the task.
            settings_json: its settings.
            first: when it is due if it is new.
            again: when it is due at the latest if it is known; None if only triggers start it.
        """
        ...

    async def poll(self, horizon_seconds: float) -> Poll:
        """Returns the tasks that run, and those that are due within so many seconds."""
        ...

    async def claim(self, task_id: str, ticket: str, timeout_seconds: float) -> bool:
        """Takes the right to run a task that is due and that nobody runs; tells whether it was had."""
        ...

    async def extend(self, task_id: str, ticket: str, seconds: float) -> None:
        """Makes a ticket end after so many seconds from now."""
        ...

    async def finish(self, task_id: str, ticket: str, next_start: datetime | None, error_json: str | None) -> None:
        """Ends a run, if the ticket is still held."""
        ...

    async def release(self, task_id: str, ticket: str) -> None:
        """Gives a ticket back as if the run had never been: the task stays due."""
        ...

    async def free_expired(self, task_id: str, ticket: str, error_json: str) -> bool:
        """Takes an expired ticket away; tells whether it was. The task stays due."""
        ...

    async def trigger(self, task_id: str) -> Refusal | None:
        """Makes a task due now, or says why not: `missing` or `running`."""
        ...

    async def cancel(self, task_id: str, error_json: str) -> Refusal | None:
        """Takes the ticket of a running task away and plans its next run, or says why not: `missing` or `idle`."""
        ...

    async def bring_forward(self, starts: Sequence[tuple[str, datetime]]) -> None:
        """Makes each task due at the given time at the latest, if it is planned at all."""
        ...

    async def read(self) -> Sequence[TaskState]:
        """Returns the state of all tasks."""
        ...

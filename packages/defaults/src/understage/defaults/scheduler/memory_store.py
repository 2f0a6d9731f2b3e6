"""Tasks in this process, for those that each process does by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from understage.defaults.scheduler.cadence import frequency_of, start_after
from understage.defaults.scheduler.store import Poll, PolledTask, Refusal, TaskState


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Entry:
    state: TaskState
    cadence: str


class MemoryTaskStore:
    """Keeps tasks in memory, with the same meaning as a database does.

    Args:
        clock: tells the time, in UTC.
    """

    def __init__(self, clock: Callable[[], datetime] = _utc_now) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    async def now(self) -> datetime:
        """Returns the time."""
        return self._clock()

    async def save(self, task_id: str, settings_json: str, first: datetime | None, again: datetime | None) -> None:
        """Keeps a task and its settings."""
        cadence: str = msgspec.json.decode(settings_json)["cadence"]
        known = self._entries.get(task_id)
        if known is None:
            self._entries[task_id] = _Entry(TaskState(task_id, next_start=first), cadence)
            return
        planned = known.state.next_start
        keep = planned is not None and planned < (again or self._clock())
        known.cadence = cadence
        self._change(task_id, next_start=planned if keep else again)

    async def poll(self, horizon_seconds: float) -> Poll:
        """Returns the tasks that run, and those that are due within so many seconds."""
        now = self._clock()
        horizon = now + timedelta(seconds=horizon_seconds)
        states = (entry.state for entry in self._entries.values())
        return Poll(
            now,
            [
                PolledTask(state.id, state.ticket, state.next_start, state.expires_at, now)
                for state in states
                if state.ticket is not None or (state.next_start is not None and state.next_start <= horizon)
            ],
        )

    async def claim(self, task_id: str, ticket: str, timeout_seconds: float) -> bool:
        """Takes the right to run a task that is due and that nobody runs; tells whether it was had."""
        state, now = self._entries[task_id].state, self._clock()
        if state.ticket is not None or state.next_start is None or state.next_start > now:
            return False
        expires_at = now + timedelta(seconds=timeout_seconds)
        self._change(task_id, ticket=ticket, started_at=now, expires_at=expires_at)
        return True

    async def extend(self, task_id: str, ticket: str, seconds: float) -> None:
        """Makes a ticket end after so many seconds from now."""
        if self._holds(task_id, ticket):
            self._change(task_id, expires_at=self._clock() + timedelta(seconds=seconds))

    async def finish(self, task_id: str, ticket: str, next_start: datetime | None, error_json: str | None) -> None:
        """Ends a run, if the ticket is still held."""
        if self._holds(task_id, ticket):
            self._end_run(task_id, error_json)
            self._change(task_id, next_start=next_start)

    async def release(self, task_id: str, ticket: str) -> None:
        """Gives a ticket back as if the run had never been: the task stays due."""
        if self._holds(task_id, ticket):
            self._change(task_id, ticket=None, started_at=None, expires_at=None)

    async def free_expired(self, task_id: str, ticket: str, error_json: str) -> bool:
        """Takes an expired ticket away; tells whether it was. The task stays due."""
        expires_at = self._entries[task_id].state.expires_at
        if not self._holds(task_id, ticket) or expires_at is None or expires_at > self._clock():
            return False
        self._end_run(task_id, error_json)
        return True

    async def trigger(self, task_id: str) -> Refusal | None:
        """Makes a task due now, or says why not: `missing` or `running`."""
        entry = self._entries.get(task_id)
        if entry is None:
            return "missing"
        if entry.state.ticket is not None:
            return "running"
        self._change(task_id, next_start=self._clock())
        return None

    async def cancel(self, task_id: str, error_json: str) -> Refusal | None:
        """Takes the ticket of a running task away and plans its next run, or says why not: `missing` or `idle`."""
        entry = self._entries.get(task_id)
        if entry is None:
            return "missing"
        if entry.state.ticket is None:
            return "idle"
        self._end_run(task_id, error_json)
        self._change(task_id, next_start=start_after(frequency_of(entry.cadence), None, self._clock()))
        return None

    async def bring_forward(self, starts: Sequence[tuple[str, datetime]]) -> None:
        """Makes each task due at the given time at the latest, if it is planned at all."""
        for task_id, start in starts:
            planned = self._entries[task_id].state.next_start
            if planned is not None and planned > start:
                self._change(task_id, next_start=start)

    async def read(self) -> Sequence[TaskState]:
        """Returns the state of all tasks."""
        return [entry.state for entry in self._entries.values()]

    def _holds(self, task_id: str, ticket: str) -> bool:
        return self._entries[task_id].state.ticket == ticket

    def _end_run(self, task_id: str, error_json: str | None) -> None:
        self._change(task_id, ticket=None, started_at=None, expires_at=None, ended_at=self._clock(), error=error_json)

    def _change(self, task_id: str, **changes: str | datetime | None) -> None:
        entry = self._entries[task_id]
        entry.state = msgspec.structs.replace(entry.state, **changes)

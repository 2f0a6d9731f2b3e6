"""One run of a task: begins, may be aborted, ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from understage.defaults.scheduler.cadence import iso_duration
from understage.defaults.scheduler.task import Task
from understage.errors import UnderstageError, serialize_error
from understage.plugin_api import AbortController

AbortReason = Literal["timeout", "shutdown", "lost", "owner"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        kind: `ended` by itself or by its timeout, `interrupted` such that it is to be done again, or `lost`, so that
            it is not ours to report.
        error: why it failed, if it ended and failed.
    """

    kind: Literal["ended", "interrupted", "lost"]
    error: BaseException | None = None

    @property
    def error_json(self) -> str | None:
        """The error as it is stored, or None."""
        return None if self.error is None else error_json(self.error)


class Run:
    """A run that was claimed.

    Args:
        task: what runs.
        ticket: proves the claim.
        scheduled: when it was due.
        deadline: on the event loop's clock, when the claim ends.
    """

    def __init__(self, task: Task, ticket: str, scheduled: datetime | None, deadline: float) -> None:
        self.task = task
        self.ticket = ticket
        self.scheduled = scheduled
        self.deadline = deadline
        self.reporting = False
        self._reason: AbortReason | None = None
        self._controller = AbortController()
        self._work: asyncio.Task[None] | None = None

    @property
    def aborted(self) -> bool:
        """Whether it was told to stop."""
        return self._reason is not None

    def abort(self, reason: AbortReason) -> None:
        """Tells the function to stop, by its signal and by cancelling it. Only the first reason counts."""
        if self._reason is not None:
            return
        self._reason = reason
        self._controller.abort(reason)
        if self._work is not None:
            self._work.cancel()

    async def execute(self) -> Outcome:
        """Runs the function until it ends, however long it takes to notice that it should."""
        loop = asyncio.get_running_loop()
        timer = loop.call_at(self.deadline, self.abort, "timeout")
        owner = self.task.signal
        forget = owner.add_callback(lambda: self.abort("owner")) if owner is not None else None
        if self._reason is None:
            self._work = asyncio.create_task(self._call(), name=f"task {self.task.id}")
        try:
            if self._work is not None:
                await asyncio.wait([self._work])
        finally:
            timer.cancel()
            if forget is not None:
                forget()
        return self._outcome()

    async def _call(self) -> None:
        await self.task.call(self._controller.signal)

    def _outcome(self) -> Outcome:
        work = self._work
        # A function that ends in peace although it was told to stop has done its work.
        done = work is not None and not work.cancelled() and work.exception() is None
        if self._reason == "lost":
            return Outcome("lost")
        if self._reason == "timeout":
            return Outcome("ended", timeout_error(self.task))
        if self._reason is not None:
            return Outcome("ended" if done else "interrupted")
        if work is None or work.cancelled():
            return Outcome("ended", UnderstageError(f"Task {self.task.id} cancelled itself"))
        return Outcome("ended", work.exception())


def timeout_error(task: Task) -> UnderstageError:
    """Returns the error of a run that took too long."""
    return UnderstageError(f"Task {task.id} timed out after {iso_duration(task.timeout)}")


def error_json(error: BaseException) -> str:
    """Returns an error as it is stored and shown: JSON text."""
    return msgspec.json.encode(serialize_error(error), enc_hook=str).decode()

"""Signals that ask work to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class AbortSignal:
    """Tells work that it should stop. Handed out by an `AbortController`; belongs to one event loop."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._event: asyncio.Event | None = None
        self._callbacks: list[Callable[[], None]] = []

    @property
    def aborted(self) -> bool:
        """Whether the work should stop."""
        return self._reason is not None

    @property
    def reason(self) -> str | None:
        """Why it should stop, or None while it may go on."""
        return self._reason

    async def wait(self) -> None:
        """Waits until the work should stop."""
        if self._event is None:
            self._event = asyncio.Event()
            if self.aborted:
                self._event.set()
        await self._event.wait()

    def add_callback(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls a function when the work should stop; at once if it should already.

        Returns:
            a function that takes the callback back.
        """
        if self.aborted:
            callback()
            return lambda: None
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def _abort(self, reason: str) -> None:
        if self.aborted:
            return
        self._reason = reason
        if self._event is not None:
            self._event.set()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


class AbortController:
    """Gives out a signal, and aborts it.

    Attributes:
        signal: the signal to hand to the work.
    """

    def __init__(self) -> None:
        self.signal: AbortSignal = AbortSignal()

    def abort(self, reason: str = "aborted") -> None:
        """Asks the work to stop; only the first call has an effect.

        Args:
            reason: why, for logs.
        """
        self.signal._abort(reason)  # noqa: SLF001 - only the controller can

"""One instance in the making: created once, however many ask for it at the same time."""

import asyncio
import time
from typing import Any


class Creation:
    """The outcome of a factory call, maybe still to come.

    Attributes:
        service_id: what is created.
        plugin_id: for whom; None for the backend as a whole.
        requested_by: who asked first: another service, a plugin, a module, or the start itself.
        parent: the creation that needed this one first.
        started: when it began, by `time.perf_counter()`.
        ended: when it was done; None while it runs.
    """

    __slots__ = ("_error", "_value", "_waiter", "ended", "parent", "plugin_id", "requested_by", "service_id", "started")

    def __init__(self, service_id: str, plugin_id: str | None, requested_by: str, parent: "Creation | None") -> None:
        """Begins the creation."""
        self.service_id = service_id
        self.plugin_id = plugin_id
        self.requested_by = requested_by
        self.parent = parent
        self.started = time.perf_counter()
        self.ended: float | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def succeed(self, value: Any) -> None:
        """Ends the creation with an instance."""
        self._value = value
        self._finish()

    def fail(self, error: BaseException) -> None:
        """Ends the creation with an error, which everybody who asks gets."""
        self._error = error
        self._finish()

    async def wait(self) -> None:
        """Waits until it has ended."""
        if self._waiter is None:
            self._waiter = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._waiter)

    def outcome(self) -> Any:
        """Returns the instance, or raises what went wrong."""
        if self._error is not None:
            raise self._error
        return self._value

    @property
    def error(self) -> BaseException | None:
        """What went wrong, if it did."""
        return self._error

    def chain_to(self, ancestor: "Creation") -> list[str] | None:
        """Returns the service ids from `ancestor` down to this creation, or None if it is no ancestor."""
        ids: list[str] = []
        current: Creation | None = self
        while current is not None:
            ids.append(current.service_id)
            if current is ancestor:
                return ids[::-1]
            current = current.parent
        return None

    def _finish(self) -> None:
        self.ended = time.perf_counter()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

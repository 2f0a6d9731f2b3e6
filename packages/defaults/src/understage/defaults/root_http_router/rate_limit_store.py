"""Where requests of clients are counted."""

import time
from collections.abc import Callable
from typing import Protocol


class RateLimitStoreError(Exception):
    """The store cannot be asked at the moment."""


class RateLimitStore(Protocol):
    """Counts requests of clients in windows that begin with a client's first request."""

    async def hit(self, key: str) -> tuple[int, float]:
        """Counts a request.

        Args:
            key: the client.

        Returns:
            the number of requests in the window, this one included, and the seconds until the window ends.

        Raises:
            RateLimitStoreError: the store cannot be asked.
        """
        ...

    async def forget(self, key: str) -> None:
        """Takes one request back that shall not count.

        Args:
            key: the client.

        Raises:
            RateLimitStoreError: the store cannot be asked.
        """
        ...


class RateLimitMemory:
    """Counts the requests that this process receives.

    Args:
        window: the length of a window, in seconds.
        clock: tells the time, in seconds.
    """

    def __init__(self, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window
        self._clock = clock
        self._counts: dict[str, list[float]] = {}
        self._cleaned = clock()

    async def hit(self, key: str) -> tuple[int, float]:
        """Counts a request."""
        now = self._clock()
        if now - self._cleaned > self._window:
            self._counts = {key: entry for key, entry in self._counts.items() if entry[1] > now}
            self._cleaned = now
        entry = self._counts.get(key)
        if entry is None or entry[1] <= now:
            entry = self._counts[key] = [0, now + self._window]
        entry[0] += 1
        return int(entry[0]), entry[1] - now

    async def forget(self, key: str) -> None:
        """Takes one request back that shall not count."""
        entry = self._counts.get(key)
        if entry is not None and entry[0] > 0:
            entry[0] -= 1

"""A store that may be out of reach: then it looks empty."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from understage.defaults.cache.store import CacheStore
from understage.plugin_api import LoggerService

T = TypeVar("T")

RETRY_SECONDS = 1.0


class GuardedStore:
    """Answers for a store whatever happens to it. An outage is logged once, and its end.

    While it lasts, the store is asked only once a second, so that nobody waits for it again and again.

    Args:
        store: the store.
        logger: where outages are reported.
        title: what the store is, for messages.
        clock: tells the time, in seconds since any moment.
    """

    def __init__(
        self, store: CacheStore, logger: LoggerService, *, title: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._logger = logger
        self._title = title
        self._clock = clock
        self._down = False
        self._retry_at = 0.0

    async def get(self, key: str) -> bytes | None:
        """Returns what is kept under a key, or None."""
        return await self._attempt(lambda: self._store.get(key))

    async def set(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        """Keeps a value if the store can be reached."""
        await self._attempt(lambda: self._store.set(key, value, ttl_seconds))

    async def delete(self, key: str) -> None:
        """Forgets a value if the store can be reached."""
        await self._attempt(lambda: self._store.delete(key))

    async def close(self) -> None:
        """Closes what connects to the store."""
        await self._store.close()

    async def _attempt(self, operation: Callable[[], Awaitable[T]]) -> T | None:
        if self._down and self._clock() < self._retry_at:
            return None
        # Only one caller finds out whether the store is back; the others go on without it.
        self._retry_at = self._clock() + RETRY_SECONDS
        try:
            result = await operation()
        except Exception as error:  # noqa: BLE001 - a cache is never the reason for which its user fails
            self._report_outage(error)
            return None
        if self._down:
            self._down = False
            message = f"The {self._title} can be used again"
            self._logger.info(message)
        return result

    def _report_outage(self, error: Exception) -> None:
        self._retry_at = self._clock() + RETRY_SECONDS
        if self._down:
            return
        self._down = True
        message = f"The {self._title} cannot be used, so nothing is cached until it is back: {error}"
        self._logger.error(message, error=error)

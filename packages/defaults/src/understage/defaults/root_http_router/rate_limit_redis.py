"""Counts requests on Redis or Valkey, so that all replicas count together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from understage.defaults.root_http_router.rate_limit_store import RateLimitStoreError
from understage.plugin_api import LoggerService

TIMEOUT_SECONDS = 1.0
RETRY_SECONDS = 1.0

# In one step each, so that a client that is cut off between two commands is not counted for ever.
_HIT = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""
_FORGET = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then
  redis.call('DECR', KEYS[1])
end
"""


class RateLimitRedis:
    """Counts requests on a server; its client is imported, and connected, by the first request.

    While the server is out of reach it is asked once a second only, so that requests do not wait for it one by one. An
    outage is logged once, and its end.

    Args:
        url: the server, such as `redis://host:6379`.
        prefix: begins the keys of this limit; what has another prefix is counted apart.
        window: the length of a window, in seconds.
        logger: where outages are reported.
        clock: tells the time, in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        window: float,
        logger: LoggerService | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._prefix = prefix
        self._milliseconds = max(1, round(window * 1000))
        self._logger = logger
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._client: Any = None
        self._closed = False
        self._down = False
        self._retry_at = 0.0

    async def hit(self, key: str) -> tuple[int, float]:
        """Counts a request."""
        count, left = await self._run(_HIT, key, self._milliseconds)
        return int(count), left / 1000

    async def forget(self, key: str) -> None:
        """Takes one request back that shall not count."""
        await self._run(_FORGET, key)

    async def close(self) -> None:
        """Closes the connections; nothing is counted any more."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _run(self, script: str, key: str, *arguments: int) -> Any:
        client = self._client or await self._connect()
        return await self._attempt(lambda: client.eval(script, 1, f"{self._prefix}{key}", *arguments))

    async def _attempt(self, operation: Callable[[], Awaitable[Any]]) -> Any:
        if self._down:
            if self._clock() < self._retry_at:
                raise RateLimitStoreError
            # Only one request finds out whether the server is back.
            self._retry_at = self._clock() + RETRY_SECONDS
        try:
            result = await operation()
        except Exception as error:
            self._report_outage(error)
            raise RateLimitStoreError from error
        if self._down:
            self._down = False
            if self._logger is not None:
                self._logger.info("The store of rate limits can be used again")
        return result

    def _report_outage(self, error: Exception) -> None:
        self._retry_at = self._clock() + RETRY_SECONDS
        if not self._down and self._logger is not None:
            message = f"The store of rate limits cannot be used: {error}"
            self._logger.error(message, error=error)
        self._down = True

    async def _connect(self) -> Any:
        async with self._connecting:
            if self._closed:
                raise RateLimitStoreError
            if self._client is None:
                # Importing the client takes 100 ms and more, too long for the event loop.
                self._client = await asyncio.to_thread(_create_client, self._url)
            return self._client


def _create_client(url: str) -> Any:
    import redis.asyncio

    from understage.defaults.cache.redis import retry_once

    return redis.asyncio.from_url(
        url,
        max_connections=50,
        retry=retry_once(),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=30,
    )

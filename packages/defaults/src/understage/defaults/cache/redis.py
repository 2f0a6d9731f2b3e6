"""A store on Redis or Valkey. The client is imported when the first value is asked for or set."""

from __future__ import annotations

import asyncio
from typing import Any

from understage.defaults.cache.config import CacheSettings

TIMEOUT_SECONDS = 2.0


def create_redis_store(settings: CacheSettings) -> RedisStore:
    """Creates a store on a server or a cluster. Nothing is connected yet.

    Args:
        settings: where it is.
    """
    return RedisStore(settings)


class RedisStore:
    """Keeps values on Redis or Valkey, which forget them by themselves when they expire.

    Args:
        settings: where it is.
    """

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings
        self._prefix = settings.prefix
        self._client: Any = None
        self._connecting = asyncio.Lock()

    async def get(self, key: str) -> bytes | None:
        """Returns what is kept under a key, or None."""
        client = self._client or await self._connect()
        value: bytes | None = await client.get(self._prefix + key)
        return value

    async def set(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        """Keeps a value."""
        client = self._client or await self._connect()
        milliseconds = None if ttl_seconds is None else max(1, round(ttl_seconds * 1000))
        await client.set(self._prefix + key, value, px=milliseconds)

    async def delete(self, key: str) -> None:
        """Forgets a value."""
        client = self._client or await self._connect()
        await client.delete(self._prefix + key)

    async def close(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _connect(self) -> Any:
        async with self._connecting:
            if self._client is None:
                # Importing the client takes 100 ms and more, too long for the event loop.
                self._client = await asyncio.to_thread(_create_client, self._settings)
            return self._client


def retry_once() -> Any:
    """Returns how often a client tries: once more, over a new connection, where the pooled one turns out to be dead.

    Without it, each connection of the pool would be an outage of its own after the server was away for a while.
    """
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError

    return Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))


def _create_client(settings: CacheSettings) -> Any:
    import redis.asyncio

    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "health_check_interval": 30,
    }
    if not settings.cluster:
        options["retry"] = retry_once()
        return redis.asyncio.from_url(settings.connection, max_connections=50, **options)
    from redis.asyncio.cluster import ClusterNode, RedisCluster
    from redis.asyncio.connection import parse_url

    parsed = [parse_url(url) for url in settings.cluster]
    nodes = [ClusterNode(str(node.get("host", "localhost")), int(node.get("port", 6379))) for node in parsed]
    options.update({name: value for name, value in parsed[0].items() if name in ("username", "password")})
    return RedisCluster(startup_nodes=nodes, ssl=settings.cluster[0].startswith("rediss://"), **options)

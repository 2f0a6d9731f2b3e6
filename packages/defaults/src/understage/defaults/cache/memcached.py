"""A store on Memcached. Its client blocks, so it runs in threads; it is imported when it is first used."""

from __future__ import annotations

import asyncio
import importlib
import math
from collections.abc import Callable
from typing import Any, TypeVar

from understage.config import ConfigError
from understage.defaults.cache.config import CacheSettings

T = TypeVar("T")

TIMEOUT_SECONDS = 2.0
# Longer times are taken for seconds since 1970.
LONGEST_TTL_SECONDS = 30 * 86400


def create_memcached_store(settings: CacheSettings) -> MemcachedStore:
    """Creates a store on one or several servers. Nothing is connected yet.

    Args:
        settings: where they are.

    Raises:
        ConfigError: an address is none.
    """
    return MemcachedStore(settings.prefix, [_address(settings, part) for part in settings.connection.split(",")])


class MemcachedStore:
    """Keeps values on Memcached servers, to which keys are distributed.

    Args:
        prefix: what all keys begin with.
        servers: hosts and ports.
    """

    def __init__(self, prefix: str, servers: list[tuple[str, int]]) -> None:
        self._prefix = prefix
        self._servers = servers
        self._client: Any = None

    async def get(self, key: str) -> bytes | None:
        """Returns what is kept under a key, or None."""
        value: bytes | None = await self._call(lambda client: client.get(self._prefix + key))
        return value

    async def set(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        """Keeps a value. Memcached counts whole seconds, so a ttl is rounded up; 30 days are the most."""
        seconds = 0 if ttl_seconds is None else min(math.ceil(ttl_seconds), LONGEST_TTL_SECONDS)
        await self._call(lambda client: client.set(self._prefix + key, value, expire=seconds, noreply=False))

    async def delete(self, key: str) -> None:
        """Forgets a value."""
        await self._call(lambda client: client.delete(self._prefix + key, noreply=False))

    async def close(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    async def _call(self, operation: Callable[[Any], T]) -> T:
        return await asyncio.to_thread(lambda: operation(self._connected()))

    def _connected(self) -> Any:
        if self._client is None:
            # The package ships no types.
            module: Any = importlib.import_module("pymemcache.client.hash")
            self._client = module.HashClient(
                self._servers,
                use_pooling=True,
                max_pool_size=8,
                connect_timeout=TIMEOUT_SECONDS,
                timeout=TIMEOUT_SECONDS,
                retry_attempts=0,
                dead_timeout=1,
            )
        return self._client


def _address(settings: CacheSettings, text: str) -> tuple[str, int]:
    # An optional scheme and login, as the Node client takes them; the login needs SASL, which is not supported.
    place = text.strip().removeprefix("memcached://").removeprefix("memcache://")
    if "@" in place:
        raise ConfigError(
            f"{settings.location}: backend.cache.connection: a login at Memcached is not supported; use redis or valkey"
        )
    host, _, port = place.rpartition(":") if ":" in place else (place, "", "11211")
    if not host or not port.isdigit():
        raise ConfigError(
            f"{settings.location}: backend.cache.connection: expected 'host:port' or several joined by commas"
        )
    return host, int(port)

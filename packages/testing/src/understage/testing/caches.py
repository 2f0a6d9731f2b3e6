"""Caches for tests: an empty one for each test, on every store that is supported."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Literal, cast

import pytest

from understage.testing.servers import is_ci, is_reachable

if TYPE_CHECKING:
    from understage.defaults.cache.store import CacheStore
    from understage.plugin_api import CacheService

CacheId = Literal["MEMORY", "REDIS", "VALKEY", "MEMCACHED"]
CACHE_IDS: tuple[CacheId, ...] = ("MEMORY", "REDIS", "VALKEY", "MEMCACHED")

# The variables that name servers, and where one is looked for without. Two servers cannot have one port, so a Valkey
# is only used where it is named.
_VARIABLES: dict[CacheId, str] = {
    "REDIS": "UNDERSTAGE_TEST_REDIS_URL",
    "VALKEY": "UNDERSTAGE_TEST_VALKEY_URL",
    "MEMCACHED": "UNDERSTAGE_TEST_MEMCACHED",
}
_USUAL: dict[CacheId, str] = {"REDIS": "redis://127.0.0.1:6379", "MEMCACHED": "127.0.0.1:11211"}
_STORES: dict[CacheId, str] = {"REDIS": "redis", "VALKEY": "valkey", "MEMCACHED": "memcache"}
_PORTS: dict[CacheId, int] = {"REDIS": 6379, "VALKEY": 6379, "MEMCACHED": 11211}


class TestCaches:
    """Creates caches for tests and empties them afterwards.

    `MEMORY` is always supported. The others are real servers: `REDIS` at `UNDERSTAGE_TEST_REDIS_URL` (by default
    `redis://127.0.0.1:6379`), `VALKEY` at `UNDERSTAGE_TEST_VALKEY_URL`, `MEMCACHED` at `UNDERSTAGE_TEST_MEMCACHED` (by
    default `127.0.0.1:11211`). Where nothing listens one is not supported; but in CI (`CI=true`) a missing Redis, and a
    server that a variable names, are an error. Unlike a plugin's cache, these let an outage raise.

    Args:
        ids: the stores wanted, in order.
    """

    # Pytest would take it for a class of tests.
    __test__ = False

    def __init__(self, ids: Sequence[CacheId] = CACHE_IDS) -> None:
        for cache_id in ids:
            _check_id(cache_id)
        self._ids = tuple(ids)
        self._stores: list[_RememberingStore] = []

    @classmethod
    def create(cls, *, ids: Sequence[CacheId] = CACHE_IDS) -> TestCaches:
        """Creates a set of test caches.

        Args:
            ids: the stores wanted, in order.

        Raises:
            ValueError: an id is unknown.
        """
        return cls(ids)

    def supported_ids(self) -> list[CacheId]:
        """Returns the ids that can be used here, in the order in which they were wanted."""
        return [cache_id for cache_id in self._ids if self.supports(cache_id)]

    def supports(self, cache_id: str) -> bool:
        """Tells whether a cache of this id was wanted and can be used here."""
        known = _check_id(cache_id)
        if known not in self._ids:
            return False
        if known == "MEMORY":
            return True
        place = cache_server(known)
        if is_ci() and (known == "REDIS" or os.environ.get(_VARIABLES[known])):
            return True
        return place is not None and is_reachable(place, _PORTS[known])

    async def init(self, cache_id: str) -> CacheService:
        """Returns an empty cache, which `close` empties again.

        Args:
            cache_id: `MEMORY`, `REDIS`, `VALKEY` or `MEMCACHED`.

        Raises:
            ValueError: the id is unknown, or is not supported here.
        """
        if not await asyncio.to_thread(self.supports, cache_id):
            raise ValueError(f"cache '{cache_id}' is not supported here; supported are {self.supported_ids()}")
        from understage.defaults.cache import DefaultCache

        store = _RememberingStore(_create_store(_check_id(cache_id)))
        self._stores.append(store)
        return DefaultCache(store).for_plugin(f"test-{uuid.uuid4().hex}")

    async def close(self) -> None:
        """Forgets what was set in the caches, and closes their connections."""
        stores, self._stores = self._stores, []
        for store in stores:
            await store.close()


class _RememberingStore:
    """Deletes at the end what was set."""

    def __init__(self, inner: CacheStore) -> None:
        self._inner = inner
        self._keys: set[str] = set()

    async def get(self, key: str) -> bytes | None:
        return await self._inner.get(key)

    async def set(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        self._keys.add(key)
        await self._inner.set(key, value, ttl_seconds)

    async def delete(self, key: str) -> None:
        await self._inner.delete(key)

    async def close(self) -> None:
        try:
            for key in self._keys:
                await self._inner.delete(key)
        finally:
            self._keys.clear()
            await self._inner.close()


@pytest.fixture
async def test_caches() -> AsyncIterator[TestCaches]:
    """Gives a `TestCaches`, closed after the test."""
    caches = TestCaches.create()
    yield caches
    await caches.close()


@pytest.fixture(params=("MEMORY", "REDIS"))
async def cache_service(request: pytest.FixtureRequest) -> AsyncIterator[CacheService]:
    """Gives an empty cache; the test runs once in memory and once on a Redis."""
    cache_id = cast("CacheId", request.param)
    caches = TestCaches.create(ids=[cache_id])
    if not await asyncio.to_thread(caches.supports, cache_id):
        pytest.skip(f"no Redis answers at {cache_server('REDIS')}; name one in {_VARIABLES['REDIS']}")
    yield await caches.init(cache_id)
    await caches.close()


def cache_server(cache_id: CacheId) -> str | None:
    """Returns where the server of a store is, or None for one that no variable names and that has no usual place."""
    return os.environ.get(_VARIABLES.get(cache_id, "")) or _USUAL.get(cache_id)


def _create_store(cache_id: CacheId) -> CacheStore:
    from understage.config import config_from_data
    from understage.defaults.cache.config import read_cache_settings
    from understage.defaults.cache.factory import create_store
    from understage.testing import mock_services

    data: dict[str, object] = {"store": "memory"}
    if cache_id != "MEMORY":
        data = {"store": _STORES[cache_id], "connection": cache_server(cache_id)}
    config = config_from_data({"backend": {"cache": data}}, name="test caches")
    return create_store(read_cache_settings(config, mock_services.logger()))


def _check_id(cache_id: str) -> CacheId:
    if cache_id not in CACHE_IDS:
        raise ValueError(f"unknown test cache '{cache_id}'; known are {', '.join(CACHE_IDS)}")
    return cache_id

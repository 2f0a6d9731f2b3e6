import socket

import pytest

from understage.plugin_api import CacheService
from understage.testing import TestCaches
from understage.testing import caches as module


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """Points all stores to a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setitem(module._USUAL, "REDIS", f"redis://{place}")
    monkeypatch.setitem(module._USUAL, "MEMCACHED", place)
    for variable in module._VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("CI", raising=False)
    return place


async def test_each_cache_is_empty_and_apart(test_caches: TestCaches) -> None:
    """T11: init gives an empty cache of its own each time, on every store that is supported."""
    assert test_caches.supports("MEMORY")
    for cache_id in test_caches.supported_ids():
        one, two = await test_caches.init(cache_id), await test_caches.init(cache_id)
        await one.set("key", {"n": 1}, ttl=60_000)
        assert (await one.get("key"), await two.get("key")) == ({"n": 1}, None)


async def test_caches_are_emptied_afterwards(test_caches: TestCaches, monkeypatch: pytest.MonkeyPatch) -> None:
    """T11: closing forgets what was set on a server, which other tests may share."""

    class Id:
        hex = "the-same-for-both"

    monkeypatch.setattr("uuid.uuid4", Id)
    for cache_id in test_caches.supported_ids():
        mine = TestCaches.create(ids=[cache_id])
        cache = await mine.init(cache_id)
        await cache.set("kept", 1)
        if cache_id != "MEMORY":
            assert await (await test_caches.init(cache_id)).get("kept") == 1
        await mine.close()
        assert await (await test_caches.init(cache_id)).get("kept") is None


async def test_the_fixture(cache_service: CacheService) -> None:
    """T11: the fixture gives an empty cache, in memory and on a Redis."""
    assert await cache_service.get("key") is None
    await cache_service.set("key", [1])
    assert await cache_service.get("key") == [1]
    await cache_service.delete("key")
    assert await cache_service.get("key") is None


def test_ids() -> None:
    """T11: only what was wanted is supported, in the order in which it was wanted, and unknown ids are named."""
    only = TestCaches.create(ids=["MEMORY"])
    assert only.supported_ids() == ["MEMORY"]
    assert not only.supports("REDIS")
    with pytest.raises(ValueError, match="unknown test cache 'REDIS_7'; known are MEMORY, REDIS, VALKEY, MEMCACHED"):
        TestCaches.create(ids=["REDIS_7"])  # type: ignore[list-item]


async def test_without_servers(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """T11: where no server answers it is left out; in CI a missing Redis, and a server that is named, are errors.

    deviation: the ids carry no versions, servers that answer are used locally too, and no containers are started.
    """
    caches = TestCaches.create()
    assert caches.supported_ids() == ["MEMORY"]
    with pytest.raises(ValueError, match=r"'REDIS' is not supported here; supported are \['MEMORY'\]"):
        await caches.init("REDIS")
    monkeypatch.setenv("CI", "true")
    assert caches.supported_ids() == ["MEMORY", "REDIS"]
    monkeypatch.setenv("UNDERSTAGE_TEST_MEMCACHED", nowhere)
    assert caches.supported_ids() == ["MEMORY", "REDIS", "MEMCACHED"]
    cache = await caches.init("REDIS")
    with pytest.raises(Exception, match="Connect"):
        await cache.get("key")
    await caches.close()

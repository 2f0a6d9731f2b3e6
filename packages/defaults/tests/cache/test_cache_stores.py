import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.support.recording_logger import RecordingLogger
from tests.support.redis_server import own_redis

from understage.config import ConfigError, config_from_data
from understage.defaults.cache import DefaultCache, cache_service_factory
from understage.defaults.cache.config import CacheSettings, read_cache_settings
from understage.defaults.cache.guard import RETRY_SECONDS, GuardedStore
from understage.defaults.cache.memcached import LONGEST_TTL_SECONDS, MemcachedStore, create_memcached_store
from understage.defaults.cache.redis import RedisStore
from understage.errors import UnsupportedOperationError
from understage.plugin_api import CacheService, core_services
from understage.testing import ServiceFactoryTester, mock_services


def factory_with(cache: dict[str, Any]) -> ServiceFactoryTester[CacheService]:
    config = mock_services.root_config.factory({"backend": {"cache": cache}})
    return ServiceFactoryTester.from_factory(cache_service_factory, dependencies=[config])


def settings_of(cache: dict[str, Any], logger: Any = None) -> CacheSettings:
    config = config_from_data({"backend": {"cache": cache}}, name="app-config.yaml")
    return read_cache_settings(config, logger or mock_services.logger())


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(CacheSettings(store="redis", connection=redis_url, prefix=f"understage-test-{uuid4().hex}:"))
    yield store
    await store.close()


async def test_memory_is_the_default() -> None:
    """S31: without configuration values are kept in memory, apart for each plugin, forgotten when the backend stops."""
    factory = factory_with({})
    cache, other = await factory.get_subject("a"), await factory.get_subject("b")
    await cache.set("key", 1)
    assert (await cache.get("key"), await other.get("key")) == (1, None)
    await (await factory.get_service(core_services.root_lifecycle)).shutdown()
    assert await cache.get("key") is None


@pytest.mark.parametrize("ttl", [400, "400ms", {"milliseconds": 400}])
async def test_configured_default_ttl(ttl: Any) -> None:
    """S31: defaultTtl is a number of milliseconds or a duration."""
    assert settings_of({"defaultTtl": ttl}).default_ttl == timedelta(milliseconds=400)
    cache = await factory_with({"store": "memory", "defaultTtl": ttl}).get_subject()
    await cache.set("key", 1)
    assert await cache.get("key") == 1
    await asyncio.sleep(0.5)
    assert await cache.get("key") is None


@pytest.mark.parametrize("ttl", [-1, "soon", True])
def test_unusable_default_ttl(ttl: Any) -> None:
    """S31: a defaultTtl that is none stops the start, naming file and key."""
    with pytest.raises(ConfigError, match=r"app-config\.yaml: backend\.cache\.defaultTtl: "):
        settings_of({"defaultTtl": ttl})


def test_unknown_store() -> None:
    """S31: a store that is not supported stops the start with a list of those that are."""
    with pytest.raises(ConfigError) as caught:
        settings_of({"store": "sqlite"})
    assert str(caught.value) == (
        "app-config.yaml: backend.cache.store: cache store 'sqlite' is not supported; "
        "use one of 'memory', 'redis', 'valkey', 'memcache'"
    )


def test_infinispan() -> None:
    """S31: Infinispan is refused with what to use instead.

    deviation: no client of Infinispan's own protocol is kept up for Python.
    """
    with pytest.raises(ConfigError, match=r"cache store 'infinispan' .* Use 'valkey' or 'redis'"):
        settings_of({"store": "infinispan", "connection": "http://localhost"})


@pytest.mark.parametrize(
    ("store", "module", "extra"),
    [("redis", "redis", "redis"), ("valkey", "redis", "redis"), ("memcache", "pymemcache", "memcached")],
)
def test_missing_client(monkeypatch: pytest.MonkeyPatch, store: str, module: str, extra: str) -> None:
    """S31: when the store's client is not installed, the error says how to install it."""
    monkeypatch.setattr("understage.defaults.cache.config.find_spec", lambda name: None if name == module else object())
    with pytest.raises(UnsupportedOperationError, match=rf"pip install 'understage\[{extra}\]'"):
        settings_of({"store": store, "connection": "redis://localhost"})


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("valkeys://h", "rediss://h"),
        ({"url": "redis://h"}, "redis://h"),
        ({"host": "h"}, "redis://h:6379/0"),
        ({"socket": {"host": "h", "port": 1, "tls": True}, "database": 3}, "rediss://h:1/3"),
        ({"host": "h", "username": "u@", "password": "p:/"}, "redis://u%40:p%3A%2F@h:6379/0"),
    ],
)
@pytest.mark.parametrize("store", ["redis", "valkey"])
def test_connections(store: str, connection: Any, url: str) -> None:
    """S31: redis and valkey take an address, or an object of options."""
    settings = settings_of({"store": store, "connection": connection})
    assert settings.connection == url
    assert "p%3A" not in settings.title


@pytest.mark.parametrize("connection", ["localhost:6379", "http://h", {"port": 1}, 5])
def test_unusable_connections(connection: Any) -> None:
    """S31: what is no address stops the start."""
    with pytest.raises(ConfigError, match=r"app-config\.yaml: backend\.cache\.connection: expected"):
        settings_of({"store": "redis", "connection": connection})


def test_connection_is_required() -> None:
    """S31: a store on a server needs a connection."""
    with pytest.raises(ConfigError, match=r"backend\.cache\.connection"):
        settings_of({"store": "valkey"})


def test_prefixes() -> None:
    """S31: keys begin with the configured namespace or prefix."""
    place = {"connection": "redis://h"}
    redis = {"client": {"namespace": "acme", "keyPrefixSeparator": "/"}}
    assert settings_of({"store": "redis", **place, "redis": redis}).prefix == "acme/"
    assert settings_of({"store": "valkey", **place, "valkey": {"client": {"keyPrefix": "acme-"}}}).prefix == "acme-"
    assert settings_of({"store": "redis", **place}).prefix == "understage:"


def test_cluster(logger: RecordingLogger) -> None:
    """S31: a cluster is named by its root nodes; without any, a warning is logged and one server is used."""
    place = {"store": "redis", "connection": "redis://h"}
    nodes = [{"url": "redis://a:1"}, {"socket": {"host": "b", "port": 2}}]
    assert settings_of({**place, "redis": {"cluster": {"rootNodes": nodes}}}).cluster == (
        "redis://a:1",
        "redis://b:2/0",
    )
    assert settings_of({**place, "redis": {"cluster": {"useReplicas": True}}}, logger).cluster == ()
    [(level, message, _)] = logger.entries
    assert level == "warning"
    assert message == (
        "backend.cache.redis.cluster has no 'rootNodes', so the cache connects to the one server of "
        "backend.cache.connection"
    )


def test_cluster_client() -> None:
    """S31: the cluster's client gets all nodes and the first one's login."""
    from understage.defaults.cache.redis import _create_client

    nodes = ("rediss://u:p@127.0.0.1:1", "rediss://127.0.0.1:2")
    client = _create_client(CacheSettings(store="redis", connection="redis://x", cluster=nodes))
    assert [node.port for node in client.nodes_manager.startup_nodes.values()] == [1, 2]
    assert (client.connection_kwargs["username"], client.connection_kwargs["password"]) == ("u", "p")


async def test_redis(redis: RedisStore) -> None:
    """S30: values are kept on Redis under the prefix, and expire there by themselves."""
    assert await redis.get("key") is None
    await redis.set("key", b"\x00value", None)
    await redis.set("short", b"value", 0.8)
    assert await redis.get("key") == b"\x00value"
    assert await redis._client.get(f"{redis._prefix}key") == b"\x00value"
    assert 0 < await redis._client.pttl(f"{redis._prefix}short") <= 800
    await asyncio.sleep(0.9)
    assert await redis.get("short") is None
    await redis.delete("key")
    assert await redis.get("key") is None


async def test_redis_through_the_factory(redis_url: str) -> None:
    """S30, S31: plugins on one Redis are apart, and two replicas share what they cache."""
    cache = {"store": "redis", "connection": redis_url, "redis": {"client": {"namespace": f"test-{uuid4().hex}"}}}
    one, two = factory_with(cache), factory_with(cache)
    mine, theirs, other = await one.get_subject("a"), await two.get_subject("a"), await two.get_subject("b")
    await mine.set("key", {"a": "ü"}, ttl=5000)
    assert (await theirs.get("key"), await other.get("key")) == ({"a": "ü"}, None)
    await theirs.delete("key")
    assert await mine.get("key") is None
    for factory in (one, two):
        await (await factory.get_service(core_services.root_lifecycle)).shutdown()


async def test_redis_gone_and_back(logger: RecordingLogger) -> None:
    """S32: while Redis is gone everything goes on without a cache; that is logged once, and so is its return."""
    now = 0.0
    with own_redis() as server:
        store = RedisStore(CacheSettings(store="redis", connection=server.url))
        cache = DefaultCache(GuardedStore(store, logger, title="cache store redis", clock=lambda: now), "shop")
        await cache.set("key", 1)
        assert await cache.get("key") == 1
        server.kill()
        for _ in range(3):
            now += RETRY_SECONDS
            assert await cache.get("key") is None
            await cache.set("key", 2)
            await cache.delete("key")
        assert [level for level, _, _ in logger.entries] == ["error"]
        assert logger.messages("error")[0].startswith(
            "The cache store redis cannot be used, so nothing is cached until it is back: "
        )
        server.start()
        now += RETRY_SECONDS
        await cache.set("key", 3)
        assert await cache.get("key") == 3
        assert logger.entries[1:] == [("info", "The cache store redis can be used again", {})]
        await store.close()


class Failing:
    """A store that fails on demand and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = True

    async def get(self, key: str) -> bytes | None:
        self.asked += 1
        if self.down:
            raise ConnectionError("refused")
        return b"1"

    async def set(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        await self.get(key)

    async def delete(self, key: str) -> None:
        await self.get(key)

    async def close(self) -> None:
        self.asked = -1


async def test_outage_is_not_waited_for_again_and_again(logger: RecordingLogger) -> None:
    """S32: during an outage the store is asked once a second, by one caller, and each outage is logged once."""
    store, now = Failing(), 100.0
    guarded = GuardedStore(store, logger, title="cache store redis", clock=lambda: now)
    await asyncio.gather(*(guarded.get("a") for _ in range(10)))
    first = store.asked
    for _ in range(10):
        assert await guarded.get("a") is None
        await guarded.set("a", b"", None)
    assert store.asked == first
    now += RETRY_SECONDS
    await asyncio.gather(*(guarded.delete("a") for _ in range(10)))
    assert store.asked == first + 1
    store.down = False
    now += RETRY_SECONDS
    assert await guarded.get("a") == b"1"
    store.down = True
    assert await guarded.get("a") is None
    assert [level for level, _, _ in logger.entries] == ["error", "info", "error"]
    await guarded.close()
    assert store.asked == -1


async def test_memcached(memcached: Any) -> None:
    """S30: values are kept on Memcached, in whole seconds rounded up, of which it takes 30 days at most."""
    store = MemcachedStore("understage:", [("127.0.0.1", memcached.port)])
    assert await store.get("key") is None
    await store.set("key", b"\x00value", None)
    await store.set("short", b"value", 0.05)
    await store.set("long", b"value", 1e9)
    assert await store.get("key") == b"\x00value"
    assert memcached.values == {
        b"understage:key": (b"\x00value", 0),
        b"understage:short": (b"value", 1),
        b"understage:long": (b"value", LONGEST_TTL_SECONDS),
    }
    await store.delete("key")
    await store.delete("key")
    assert await store.get("key") is None
    await store.close()


async def test_memcached_gone_and_back(
    memcached: Any, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S32: while Memcached is gone everything goes on without a cache; that is logged once, and so is its return."""
    store = MemcachedStore("", [("127.0.0.1", memcached.port)])
    now = 0.0
    cache = DefaultCache(GuardedStore(store, logger, title="cache store memcache", clock=lambda: now), "shop")
    await cache.set("key", 1)
    assert await cache.get("key") == 1
    port = memcached.port
    await memcached.stop()
    for _ in range(3):
        now += RETRY_SECONDS
        assert await cache.get("key") is None
    await memcached.start(port)
    deadline = asyncio.get_running_loop().time() + 10
    while await cache.get("key") != 1:
        assert asyncio.get_running_loop().time() < deadline
        now += RETRY_SECONDS
        await asyncio.sleep(0.1)
    assert [level for level, _, _ in logger.entries] == ["error", "info"]
    await store.close()


@pytest.mark.parametrize("connection", ["host:port", ":1", "u:p@host:1", "host:11211,"])
def test_unusable_memcached_addresses(connection: str) -> None:
    """S31: what is no Memcached address stops the start."""
    with pytest.raises(ConfigError, match=r"app-config\.yaml: backend\.cache\.connection: "):
        create_memcached_store(settings_of({"store": "memcache", "connection": connection}))


def test_memcached_addresses() -> None:
    """S31: several Memcached servers are joined by commas; the port may be left out."""
    store = create_memcached_store(settings_of({"store": "memcache", "connection": "a:1, memcached://b"}))
    assert store._servers == [("a", 1), ("b", 11211)]


def test_what_a_cache_imports() -> None:
    """S31: no client is imported before a value is asked for or set, and a wrong start costs nothing either."""
    script = """
import asyncio, sys
from understage.defaults.cache import cache_service_factory
from understage.testing import ServiceFactoryTester, mock_services
async def main():
    for store in ("redis", "memcache"):
        settings = {"store": store, "connection": "redis://localhost" if store == "redis" else "localhost"}
        config = mock_services.root_config.factory({"backend": {"cache": settings}})
        await ServiceFactoryTester.from_factory(cache_service_factory, dependencies=[config]).get_subject()
    print([name for name in ("redis", "pymemcache") if name in sys.modules])
asyncio.run(main())
"""
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"

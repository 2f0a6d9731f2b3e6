"""The settings of the cache, from `backend.cache`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, Literal, cast, get_args
from urllib.parse import quote, urlsplit

from understage.config import Config, ConfigError
from understage.errors import UnsupportedOperationError
from understage.plugin_api import LoggerService

StoreName = Literal["memory", "redis", "valkey", "memcache"]
_KEY = "backend.cache"
# By store, the module that its client is and the extra that installs it.
_CLIENTS = {"redis": ("redis", "redis"), "valkey": ("redis", "redis"), "memcache": ("pymemcache", "memcached")}
_NO_INFINISPAN = (
    "cache store 'infinispan' is not supported: no client of its own protocol is kept up for Python. Use 'valkey' or "
    "'redis'; a current Infinispan server speaks the protocol of Redis, too, so 'redis' with its address may do"
)


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What the configuration says about the cache.

    Attributes:
        store: which kind of store.
        connection: where it is: an address such as `redis://host:6379`, or `host:port`; empty for `memory`.
        default_ttl: how long values are kept that are set without a ttl.
        prefix: what all keys in the store begin with.
        cluster: addresses of the nodes of a Redis cluster.
        location: where the connection was configured, for messages.
    """

    store: StoreName = "memory"
    connection: str = ""
    default_ttl: timedelta | None = None
    prefix: str = "understage:"
    cluster: tuple[str, ...] = field(default=())
    location: str = ""

    @property
    def title(self) -> str:
        """The store for messages, without user and password."""
        if self.store == "memory":
            return "cache store memory"
        places = self.cluster or (self.connection,)
        return f"cache store {self.store} at {', '.join(place.rpartition('@')[2] for place in places)}"


def read_cache_settings(config: Config, logger: LoggerService) -> CacheSettings:
    """Reads the settings of the cache.

    Args:
        config: the root configuration.
        logger: where settings are reported that have no effect.

    Raises:
        ConfigError: the store is unknown or its settings cannot be used.
        UnsupportedOperationError: the store's client is not installed.
    """
    store = config.get_optional_string(f"{_KEY}.store") or "memory"
    default_ttl = _read_ttl(config)
    if store == "infinispan":
        raise _error(config, "store", _NO_INFINISPAN)
    if store not in get_args(StoreName):
        known = ", ".join(f"'{name}'" for name in get_args(StoreName))
        raise _error(config, "store", f"cache store '{store}' is not supported; use one of {known}")
    if store == "memory":
        return CacheSettings(default_ttl=default_ttl)
    _check_client(store)
    return CacheSettings(
        store=cast("StoreName", store),
        connection=_read_connection(config, store),
        default_ttl=default_ttl,
        prefix=_read_prefix(config, store),
        cluster=_read_cluster(config, store, logger),
        location=str(config.location_of(f"{_KEY}.connection") or ""),
    )


def _read_ttl(config: Config) -> timedelta | None:
    value = config.get_optional(f"{_KEY}.defaultTtl")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < 0:
            raise _error(config, "defaultTtl", "expected milliseconds or a duration, not below 0")
        return timedelta(milliseconds=value)
    return config.get_optional_duration(f"{_KEY}.defaultTtl")


def _read_connection(config: Config, store: str) -> str:
    value = config.get(f"{_KEY}.connection")
    if isinstance(value, dict) and store in ("redis", "valkey"):
        return _url_of(config, value)
    connection = config.get_string(f"{_KEY}.connection")
    if store != "memcache" and urlsplit(connection).scheme not in ("redis", "rediss", "unix", "valkey", "valkeys"):
        raise _error(config, "connection", "expected an address such as redis://host:6379, or rediss:// for TLS")
    return connection.replace("valkey", "redis", 1) if connection.startswith("valkey") else connection


def _url_of(config: Config, value: dict[str, Any]) -> str:
    """Returns the address that an object of connection options describes."""
    if isinstance(value.get("url"), str):
        return cast("str", value["url"])
    socket = value.get("socket")
    place: dict[str, Any] = {**value, **socket} if isinstance(socket, dict) else value
    host = place.get("host")
    if not isinstance(host, str) or not host:
        raise _error(config, "connection", "expected 'url', or 'socket' with 'host' and 'port'")
    user, password = (quote(str(value.get(name) or ""), safe="") for name in ("username", "password"))
    credentials = f"{user}:{password}@" if user or password else ""
    database = value.get("database") or 0
    scheme = "rediss" if place.get("tls") else "redis"
    return f"{scheme}://{credentials}{host}:{place.get('port') or 6379}/{database}"


def _read_prefix(config: Config, store: str) -> str:
    if store == "valkey":
        return config.get_optional_string(f"{_KEY}.valkey.client.keyPrefix") or "understage:"
    if store == "redis":
        namespace = config.get_optional_string(f"{_KEY}.redis.client.namespace")
        separator = config.get_optional_string(f"{_KEY}.redis.client.keyPrefixSeparator") or ":"
        return f"{namespace or 'understage'}{separator}"
    return "understage:"


def _read_cluster(config: Config, store: str, logger: LoggerService) -> tuple[str, ...]:
    key = f"{_KEY}.{store}.cluster"
    if store not in ("redis", "valkey") or not config.has(key):
        return ()
    nodes = tuple(
        node.get_string("url") if node.has("url") else _url_of(config, node.get())
        for node in config.get_optional_config_array(f"{key}.rootNodes") or []
    )
    if not nodes:
        message = f"{key} has no 'rootNodes', so the cache connects to the one server of {_KEY}.connection"
        logger.warning(message, location=str(config.location_of(key)))
    return nodes


def _check_client(store: str) -> None:
    module, extra = _CLIENTS[store]
    if find_spec(module) is None:
        raise UnsupportedOperationError(
            f"backend.cache.store is '{store}', but its client is not installed: pip install 'understage[{extra}]'"
        )


def _error(config: Config, key: str, problem: str) -> ConfigError:
    full = f"{_KEY}.{key}"
    return ConfigError(problem, key=full, location=config.location_of(full))

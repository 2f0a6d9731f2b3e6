"""Rate limits: `backend.rateLimit`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import urlsplit

from understage.config import Config, ConfigError
from understage.defaults.root_http_router.answers import json_bytes, send_json
from understage.defaults.root_http_router.rate_limit_store import (
    RateLimitMemory,
    RateLimitStore,
    RateLimitStoreError,
)
from understage.defaults.root_http_router.trust_proxy import is_in_networks, parse_address
from understage.defaults.root_lifecycle.root_lifecycle import close_after_shutdown
from understage.errors import UnsupportedOperationError
from understage.plugin_api import ASGIApp, LoggerService, Message, Receive, RootLifecycleService, Scope, Send

_DOCUMENT = json_bytes(
    {
        "error": {"name": "Error", "message": "Too many requests, please try again later"},
        "response": {"statusCode": 429},
    }
)
_STORE_DOCUMENT = json_bytes(
    {
        "error": {
            "name": "ServiceUnavailableError",
            "message": "Requests cannot be counted at the moment, please try again later",
        },
        "response": {"statusCode": 503},
    }
)
_KEY = "backend.rateLimit"
_LOOPBACK = ("127.0.0.1", "::1")
_IPV6_PREFIX = 56


@dataclass(frozen=True, slots=True)
class RateLimitOptions:
    """How many requests a client may make.

    Attributes:
        window: the length of a window, in seconds.
        limit: requests of one client in a window.
        allowed: networks whose clients are not limited.
        skip_successful: whether requests that succeed do not count.
        skip_failed: whether requests that fail do not count.
        pass_on_store_error: whether requests pass while they cannot be counted; else they are refused.
        redis_url: the server that counts; by default this process does.
        name: whose limit it is; limits of other names are counted apart.
    """

    window: float = 60.0
    limit: int = 5
    allowed: Sequence[IPv4Network | IPv6Network] = ()
    skip_successful: bool = False
    skip_failed: bool = False
    pass_on_store_error: bool = False
    redis_url: str | None = None
    name: str = "root"


def create_rate_limit_store(
    options: RateLimitOptions, *, logger: LoggerService | None = None, lifecycle: RootLifecycleService | None = None
) -> RateLimitStore:
    """Creates what counts the requests of a limit. Nothing is connected yet.

    Args:
        options: the limit.
        logger: where outages of the store are reported.
        lifecycle: the backend's; closes the store's connections once the last requests are counted.
    """
    if options.redis_url is None:
        return RateLimitMemory(options.window)
    from understage.defaults.root_http_router.rate_limit_redis import RateLimitRedis

    prefix = f"understage:rate-limit:{options.name}:"
    store = RateLimitRedis(options.redis_url, prefix=prefix, window=options.window, logger=logger)
    if lifecycle is not None:
        close_after_shutdown(lifecycle, store.close)
    return store


def rate_limit(app: ASGIApp, options: RateLimitOptions, store: RateLimitStore | None = None) -> ASGIApp:
    """Answers clients that ask too often with 429.

    Args:
        app: the app that answers the others.
        options: how many requests a client may make.
        store: where requests are counted; by default one of the app's own, as the options tell.
    """
    counts = store or create_rate_limit_store(options)

    async def with_rate_limit(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        address = client[0] if client else ""
        if scope["type"] != "http" or is_in_networks(address, options.allowed):
            await app(scope, receive, send)
            return
        key = _client_key(address)
        try:
            count, remaining = await counts.hit(key)
        except RateLimitStoreError:
            if options.pass_on_store_error:
                await app(scope, receive, send)
            else:
                await send_json(send, 503, _STORE_DOCUMENT, [(b"retry-after", b"1")])
            return
        if count > options.limit:
            retry_after = str(max(1, -int(-remaining // 1))).encode()
            await send_json(send, 429, _DOCUMENT, [(b"retry-after", retry_after)])
            return
        if not options.skip_successful and not options.skip_failed:
            await app(scope, receive, send)
            return
        await _forgiving(app, options, counts, key)(scope, receive, send)

    return with_rate_limit


def _forgiving(app: ASGIApp, options: RateLimitOptions, counts: RateLimitStore, key: str) -> ASGIApp:
    async def forgiving(scope: Scope, receive: Receive, send: Send) -> None:
        async def look(message: Message) -> None:
            if message["type"] == "http.response.start":
                failed = message["status"] >= 400
                if options.skip_failed if failed else options.skip_successful:
                    # The answer is there already: a store that is away must not spoil it.
                    with suppress(RateLimitStoreError):
                        await counts.forget(key)
            await send(message)

        await app(scope, receive, look)

    return forgiving


def read_rate_limit(config: Config, plugin_id: str | None = None) -> RateLimitOptions | None:
    """Returns the limit of all requests, or that of a plugin, or None if there is none.

    Args:
        config: the root configuration.
        plugin_id: the plugin, for its own limit below `backend.rateLimit.plugin`.

    Raises:
        ConfigError: a value is wrong.
    """
    key = _KEY
    value = config.get_optional(key)
    if value is None or isinstance(value, bool):
        return RateLimitOptions(allowed=_networks(_LOOPBACK)) if value and plugin_id is None else None
    root = config.get_config(key)
    redis_url = _read_redis_url(root)
    if plugin_id is None:
        if root.get_optional_boolean("global") is False:
            return None
        return _options(root, key, redis_url, "root")
    own = root.get_optional_config("plugin")
    section = own.get_optional(plugin_id) if own is not None else None
    if section is None or section is False:
        return None
    if section is True or own is None:
        return _options(root, key, redis_url, plugin_id)
    return _options(own.get_config(plugin_id), f"{key}.plugin.{plugin_id}", redis_url, plugin_id)


def _options(config: Config, path: str, redis_url: str | None, name: str) -> RateLimitOptions:
    window = config.get_optional("window")
    seconds = 60.0
    if window is not None:
        is_number = isinstance(window, int | float)
        seconds = window / 1000 if is_number else config.get_duration("window").total_seconds()
    addresses = config.get_optional_string_array("ipAllowList")
    try:
        allowed = _networks(_LOOPBACK if addresses is None else addresses)
    except ValueError as error:
        location = config.location_of("ipAllowList")
        raise ConfigError(str(error), key=f"{path}.ipAllowList", location=location) from error
    limit = config.get_optional_number("incomingRequestLimit")
    return RateLimitOptions(
        window=seconds,
        limit=5 if limit is None else int(limit),
        allowed=allowed,
        skip_successful=config.get_optional_boolean("skipSuccessfulRequests") or False,
        skip_failed=config.get_optional_boolean("skipFailedRequests") or False,
        pass_on_store_error=config.get_optional_boolean("passOnStoreError") or False,
        redis_url=redis_url,
        name=name,
    )


def _read_redis_url(config: Config) -> str | None:
    """Returns the address of the Redis or Valkey that counts, or None if each process counts for itself."""
    store = config.get_optional_string("store.type")
    if store in (None, "memory"):
        return None
    if store != "redis":
        raise ConfigError(
            f"the store '{store}' is not supported; use 'memory' or 'redis', or leave it out",
            key=f"{_KEY}.store.type",
            location=config.location_of("store.type"),
        )
    url = config.get_string("store.connection")
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ConfigError(
            "expected an address such as redis://host:6379, or rediss:// for TLS",
            key=f"{_KEY}.store.connection",
            location=config.location_of("store.connection"),
        )
    if find_spec("redis") is None:
        raise UnsupportedOperationError(
            f"{_KEY}.store.type is 'redis', but its client is not installed: pip install 'understage[redis]'"
        )
    return url


def _networks(addresses: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(address, strict=False) for address in addresses]


def _client_key(address: str) -> str:
    # An IPv6 client has a whole block of addresses to itself.
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_PREFIX), strict=False))
    return address

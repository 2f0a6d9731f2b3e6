"""Rate limits: `backend.rateLimit`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from understage.config import Config, ConfigError
from understage.defaults.root_http_router.answers import json_bytes, send_json
from understage.defaults.root_http_router.trust_proxy import is_in_networks, parse_address
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send

_DOCUMENT = json_bytes(
    {
        "error": {"name": "Error", "message": "Too many requests, please try again later"},
        "response": {"statusCode": 429},
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
    """

    window: float = 60.0
    limit: int = 5
    allowed: Sequence[IPv4Network | IPv6Network] = ()
    skip_successful: bool = False
    skip_failed: bool = False


class RateLimitMemory:
    """Counts requests of clients in windows that begin with a client's first request.

    Args:
        window: the length of a window, in seconds.
        clock: tells the time, in seconds.
    """

    def __init__(self, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window
        self._clock = clock
        self._counts: dict[str, list[float]] = {}
        self._cleaned = clock()

    def hit(self, key: str) -> tuple[int, float]:
        """Counts a request.

        Returns:
            the number of requests in the window, this one included, and the seconds until the window ends.
        """
        now = self._clock()
        if now - self._cleaned > self._window:
            self._counts = {key: entry for key, entry in self._counts.items() if entry[1] > now}
            self._cleaned = now
        entry = self._counts.get(key)
        if entry is None or entry[1] <= now:
            entry = self._counts[key] = [0, now + self._window]
        entry[0] += 1
        return int(entry[0]), entry[1] - now

    def forget(self, key: str) -> None:
        """Takes one request back that shall not count."""
        entry = self._counts.get(key)
        if entry is not None and entry[0] > 0:
            entry[0] -= 1


def rate_limit(app: ASGIApp, options: RateLimitOptions, memory: RateLimitMemory | None = None) -> ASGIApp:
    """Answers clients that ask too often with 429.

    Args:
        app: the app that answers the others.
        options: how many requests a client may make.
        memory: where requests are counted; by default an own one.
    """
    counts = memory or RateLimitMemory(options.window)

    async def with_rate_limit(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        address = client[0] if client else ""
        if scope["type"] != "http" or is_in_networks(address, options.allowed):
            await app(scope, receive, send)
            return
        key = _client_key(address)
        count, remaining = counts.hit(key)
        if count > options.limit:
            retry_after = str(max(1, -int(-remaining // 1))).encode()
            await send_json(send, 429, _DOCUMENT, [(b"retry-after", retry_after)])
            return
        if not options.skip_successful and not options.skip_failed:
            await app(scope, receive, send)
            return
        await _forgiving(app, options, counts, key)(scope, receive, send)

    return with_rate_limit


def _forgiving(app: ASGIApp, options: RateLimitOptions, counts: RateLimitMemory, key: str) -> ASGIApp:
    async def forgiving(scope: Scope, receive: Receive, send: Send) -> None:
        async def look(message: Message) -> None:
            if message["type"] == "http.response.start":
                failed = message["status"] >= 400
                if options.skip_failed if failed else options.skip_successful:
                    counts.forget(key)
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
    _check_store(root)
    if plugin_id is None:
        return None if root.get_optional_boolean("global") is False else _options(root, key)
    own = root.get_optional_config("plugin")
    section = own.get_optional(plugin_id) if own is not None else None
    if section is None or section is False:
        return None
    if section is True or own is None:
        return _options(root, key)
    return _options(own.get_config(plugin_id), f"{key}.plugin.{plugin_id}")


def _options(config: Config, path: str) -> RateLimitOptions:
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
    )


def _check_store(config: Config) -> None:
    store = config.get_optional_string("store.type")
    if store not in (None, "memory"):
        raise ConfigError(
            f"the store '{store}' is not supported; use 'memory', or leave it out",
            key=f"{_KEY}.store.type",
            location=config.location_of("store.type"),
        )


def _networks(addresses: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(address, strict=False) for address in addresses]


def _client_key(address: str) -> str:
    # An IPv6 client has a whole block of addresses to itself.
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_PREFIX), strict=False))
    return address

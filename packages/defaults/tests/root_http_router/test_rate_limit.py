"""Rate limits."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.defaults.root_http_router.rate_limit import RateLimitOptions, rate_limit, read_rate_limit
from understage.defaults.root_http_router.rate_limit_store import RateLimitMemory
from understage.plugin_api import Receive, Scope, Send


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    status = 400 if scope["path"].endswith("bad") else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def limited(make_root: Callable[..., Any], settings: object, **options: Any) -> Any:
    root = make_root({"backend": {"rateLimit": settings, "trustProxy": True}}, **options)
    root.use("/api/app", ok)
    return root


async def statuses(root: Any, count: int, path: str = "/x", **headers: str) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [(await root.client.get(path, headers=named)).status_code for _ in range(count)]


async def test_off_by_default(make_root: Callable[..., Any]) -> None:
    """H80: without configuration, or with false, nothing is limited."""
    for settings in (None, False):
        assert set(await statuses(limited(make_root, settings), 20)) == {200}


async def test_default_limit_is_five(make_root: Callable[..., Any]) -> None:
    """H80: switched on, a client may make five requests in a minute."""
    assert await statuses(limited(make_root, True), 7) == [200] * 5 + [429] * 2
    assert await statuses(limited(make_root, {}), 6) == [200] * 5 + [429]


async def test_over_the_limit_is_a_429_document(make_root: Callable[..., Any]) -> None:
    """H82: the answer over the limit is a document without a request part, and says when to come back."""
    root = limited(make_root, {"incomingRequestLimit": 0, "window": "1 minute"})
    response = await root.client.get("/x")
    assert response.status_code == 429
    assert response.json() == {
        "error": {"name": "Error", "message": "Too many requests, please try again later"},
        "response": {"statusCode": 429},
    }
    assert 58 <= int(response.headers["retry-after"]) <= 60


async def test_clients_are_counted_apart(make_root: Callable[..., Any]) -> None:
    """H81: the key is the client's address, as trusted proxies tell it."""
    root = limited(make_root, {"incomingRequestLimit": 1})
    assert await statuses(root, 2, x_forwarded_for="198.51.100.1") == [200, 429]
    assert await statuses(root, 2, x_forwarded_for="198.51.100.2") == [200, 429]


async def test_ipv6_clients_are_grouped(make_root: Callable[..., Any]) -> None:
    """H81: addresses of one IPv6 block count together."""
    root = limited(make_root, {"incomingRequestLimit": 1})
    assert await statuses(root, 1, x_forwarded_for="2001:db8:0:1::1") == [200]
    assert await statuses(root, 1, x_forwarded_for="2001:db8:0:1::2") == [429]
    assert await statuses(root, 1, x_forwarded_for="2001:db8:1::1") == [200]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_loopback_is_not_limited(make_root: Callable[..., Any], address: str) -> None:
    """H80: by default, requests of the machine itself are not limited."""
    root = limited(make_root, {"incomingRequestLimit": 1}, client_address=(address, 1))
    assert set(await statuses(root, 3)) == {200}


async def test_allow_list(make_root: Callable[..., Any]) -> None:
    """H80: addresses of ipAllowList are not limited; the list replaces the default one."""
    settings = {"incomingRequestLimit": 1, "ipAllowList": ["192.0.2.7"]}
    assert set(await statuses(limited(make_root, settings), 3)) == {200}
    local = limited(make_root, settings, client_address=("127.0.0.1", 1))
    assert await statuses(local, 2) == [200, 429]


@pytest.mark.parametrize(("setting", "path"), [("skipSuccessfulRequests", "/good"), ("skipFailedRequests", "/bad")])
async def test_some_requests_do_not_count(make_root: Callable[..., Any], setting: str, path: str) -> None:
    """H80: successful, or failed, requests can be left out of the count."""
    root = limited(make_root, {"incomingRequestLimit": 1, setting: True})
    other = "/bad" if path == "/good" else "/good"
    assert 429 not in await statuses(root, 3, path)
    assert (await statuses(root, 2, other))[1] == 429


async def test_limits_of_plugins_only(make_root: Callable[..., Any]) -> None:
    """H80: with global false only the plugins that are named are limited."""
    settings = {"global": False, "plugin": {"search": {"incomingRequestLimit": 2, "window": 500}}}
    assert set(await statuses(limited(make_root, settings), 10)) == {200}
    config = config_from_data({"backend": {"rateLimit": settings}})
    options = read_rate_limit(config, "search")
    assert options is not None
    assert (options.limit, options.window) == (2, 0.5)
    assert read_rate_limit(config, "catalog") is None
    assert read_rate_limit(config_from_data({"backend": {"rateLimit": True}}), "search") is None


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"ipAllowList": ["nowhere"]}, "ipAllowList"),
        ({"store": {"type": "abacus"}}, r"store\.type"),
        ({"store": {"type": "redis"}}, r"store\.connection"),
        ({"store": {"type": "redis", "connection": "localhost:6379"}}, r"store\.connection"),
        ({"window": "soon"}, "window"),
        ({"incomingRequestLimit": "many"}, "incomingRequestLimit"),
    ],
)
def test_wrong_settings_fail_the_start(settings: dict[str, Any], key: str) -> None:
    """H80: a wrong setting is an error that names its key."""
    with pytest.raises(ConfigError, match=rf"backend\.rateLimit\.{key}"):
        read_rate_limit(config_from_data({"backend": {"rateLimit": settings}}))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30)), max_size=60))
def test_windows_hold_no_more_than_the_limit(requests: list[tuple[str, int]]) -> None:
    """H80: in no window of a client more requests pass than the limit, and clients do not touch each other."""
    now = 0.0
    memory = RateLimitMemory(60, clock=lambda: now)
    windows: dict[str, tuple[float, int]] = {}
    for client, pause in requests:
        now += pause
        begin, count = windows.get(client, (now, 0))
        windows[client] = (begin, count + 1) if now < begin + 60 else (now, 1)
        counted, remaining = asyncio.run(memory.hit(client))
        assert counted == windows[client][1]
        assert 0 < remaining <= 60


async def test_websockets_are_not_limited() -> None:
    """H80: only requests are counted."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def never() -> Any:
        raise NotImplementedError

    async def send(message: Any) -> None:
        raise NotImplementedError

    await rate_limit(app, RateLimitOptions(limit=0))({"type": "websocket", "client": ("1.2.3.4", 5)}, never, send)
    assert seen == ["websocket"]

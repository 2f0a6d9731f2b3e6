"""Rate limits that replicas share, on a real Redis."""

import asyncio
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from understage.config import config_from_data
from understage.defaults.root_http_router.rate_limit import (
    RateLimitOptions,
    create_rate_limit_store,
    rate_limit,
    read_rate_limit,
)
from understage.defaults.root_http_router.rate_limit_redis import RateLimitRedis
from understage.defaults.root_http_router.rate_limit_store import RateLimitMemory, RateLimitStoreError
from understage.defaults.root_lifecycle import DefaultRootLifecycle
from understage.errors import UnsupportedOperationError
from understage.plugin_api import Receive, Scope, Send


@pytest.fixture
async def replicas(redis_url: str) -> AsyncIterator[Callable[..., RateLimitRedis]]:
    """Returns a function that makes stores which count together, and apart from other tests."""
    prefix = f"understage-test:{uuid.uuid4()}:"
    stores: list[RateLimitRedis] = []

    def make(window: float = 60.0, url: str = redis_url) -> RateLimitRedis:
        stores.append(RateLimitRedis(url, prefix=prefix, window=window))
        return stores[-1]

    yield make
    for store in stores:
        await store.close()


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    status = 400 if scope["path"].endswith("bad") else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def status_of(app: Any, path: str = "/", address: str = "192.0.2.7") -> int:
    seen: list[Any] = []

    async def receive() -> Any:
        raise NotImplementedError

    async def send(message: Any) -> None:
        seen.append(message)

    await app({"type": "http", "path": path, "client": (address, 1)}, receive, send)
    return int(seen[0]["status"])


async def test_replicas_count_together(replicas: Callable[..., RateLimitRedis]) -> None:
    """H80: with the store redis, the requests of a client to all replicas count together; clients are apart."""
    options = RateLimitOptions(limit=3)
    one, other = (rate_limit(ok, options, replicas()) for _ in range(2))
    assert [await status_of(app) for app in (one, other, one, other, one)] == [200, 200, 200, 429, 429]
    assert await status_of(other, address="192.0.2.8") == 200


async def test_no_more_than_the_limit_at_once(replicas: Callable[..., RateLimitRedis]) -> None:
    """H80: of requests that arrive at several replicas at the same time, no more than the limit pass."""
    apps = [rate_limit(ok, RateLimitOptions(limit=7), replicas()) for _ in range(4)]
    statuses = await asyncio.gather(*(status_of(app) for app in apps * 10))
    assert sorted(statuses) == [200] * 7 + [429] * 33


async def test_the_window_ends(replicas: Callable[..., RateLimitRedis]) -> None:
    """H80: a window begins with a client's first request, and after its end the count begins anew."""
    store = replicas(window=0.3)
    first, left = await store.hit("a")
    assert first == 1
    assert 0 < left <= 0.3
    await asyncio.sleep(0.15)
    second, less = await store.hit("a")
    assert second == 2
    assert less <= left - 0.1
    await asyncio.sleep(less + 0.05)
    assert (await store.hit("a"))[0] == 1


@pytest.mark.parametrize(("option", "path"), [("skip_successful", "/good"), ("skip_failed", "/bad")])
async def test_requests_that_do_not_count(replicas: Callable[..., RateLimitRedis], option: str, path: str) -> None:
    """H80: what shall not count is taken back, on the same store."""
    options = replace(RateLimitOptions(limit=1), **cast("dict[str, Any]", {option: True}))
    app = rate_limit(ok, options, replicas())
    assert 429 not in [await status_of(app, path) for _ in range(3)]
    other = "/bad" if path == "/good" else "/good"
    assert [await status_of(app, other) for _ in range(2)][1] == 429


async def test_a_count_is_not_taken_back_below_zero(replicas: Callable[..., RateLimitRedis]) -> None:
    """H80: a request whose window has ended meanwhile takes nothing from the next one."""
    store = replicas()
    await store.forget("a")
    assert (await store.hit("a"))[0] == 1


@pytest.mark.parametrize(("passes", "status"), [(False, 503), (True, 200)])
async def test_a_store_that_is_away(passes: bool, status: int) -> None:
    """H80: while the store cannot be asked, requests are refused, or pass with passOnStoreError."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{probe.getsockname()[1]}"
    store = RateLimitRedis(url, prefix="x:", window=60)
    try:
        app = rate_limit(ok, RateLimitOptions(limit=1, pass_on_store_error=passes), store)
        assert [await status_of(app) for _ in range(3)] == [status] * 3
    finally:
        await store.close()


async def test_an_outage_after_the_count(replicas: Callable[..., RateLimitRedis]) -> None:
    """H80: an answer that is on its way is not spoiled by a store that goes away meanwhile."""
    store = replicas()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await store.close()
        await ok(scope, receive, send)

    assert await status_of(rate_limit(app, RateLimitOptions(limit=1, skip_successful=True), store)) == 200


async def test_an_outage_is_reported_once(logger: Any) -> None:
    """H80: an outage is logged once and its end, too; meanwhile the server is asked once a second only."""
    now = 0.0
    attempts = 0
    broken = True

    class Client:
        async def eval(self, *arguments: object) -> list[int]:
            nonlocal attempts
            attempts += 1
            if broken:
                raise ConnectionError("gone")
            return [1, 1000]

        async def aclose(self) -> None:
            """Nothing is open."""

    store = RateLimitRedis("redis://localhost", prefix="x:", window=60, logger=logger, clock=lambda: now)
    store._client = Client()
    for _ in range(3):
        with pytest.raises(RateLimitStoreError):
            await store.hit("a")
    assert attempts == 1
    now = 2.0
    with pytest.raises(RateLimitStoreError):
        await store.hit("a")
    broken, now = False, 4.0
    assert await store.hit("a") == (1, 1.0)
    assert attempts == 3
    assert [message for message, _ in logger.of("error")] == ["The store of rate limits cannot be used: gone"]
    assert [message for message, _ in logger.of("info")] == ["The store of rate limits can be used again"]


async def test_configuration(make_root: Callable[..., Any], redis_url: str) -> None:
    """H80: store.type redis with a connection counts there; connections are closed when the backend stops."""
    settings = {
        "incomingRequestLimit": 2,
        "window": {"milliseconds": 700},
        "store": {"type": "redis", "connection": redis_url},
        "passOnStoreError": True,
    }
    address = (f"192.0.2.{uuid.uuid4().int % 256}", 1)
    root = make_root({"backend": {"rateLimit": settings}}, client_address=address)
    root.use("/api/app", ok)
    assert [(await root.client.get("/x")).status_code for _ in range(3)] == [200, 200, 429]
    await root.lifecycle.shutdown()
    assert (await root.client.get("/x")).status_code == 200


async def test_limits_of_plugins_are_apart() -> None:
    """H80: each plugin's limit on the shared store has keys of its own; without a store, this process counts."""
    settings = {"plugin": {"search": True}, "store": {"type": "redis", "connection": "redis://localhost"}}
    config = config_from_data({"backend": {"rateLimit": settings}})
    limits = [read_rate_limit(config), read_rate_limit(config, "search")]
    assert [(limit.name, limit.redis_url) for limit in limits if limit] == [
        ("root", "redis://localhost"),
        ("search", "redis://localhost"),
    ]
    assert isinstance(create_rate_limit_store(RateLimitOptions()), RateLimitMemory)


async def test_nothing_is_connected_at_the_start(logger: Any) -> None:
    """H80: a server that is away at the start does not fail it."""
    lifecycle = DefaultRootLifecycle(logger)
    create_rate_limit_store(RateLimitOptions(redis_url="redis://127.0.0.1:1"), lifecycle=lifecycle)
    await lifecycle.shutdown()
    assert logger.of("error") == []


async def test_the_last_requests_are_counted(logger: Any) -> None:
    """H80, H93: requests under way while the server drains are still counted."""
    lifecycle = DefaultRootLifecycle(logger)
    store: Any = create_rate_limit_store(RateLimitOptions(redis_url="redis://127.0.0.1:1"), lifecycle=lifecycle)
    closed_while_draining: list[bool] = []

    async def drain() -> None:
        await asyncio.sleep(0.01)
        closed_while_draining.append(store._closed)

    lifecycle.add_shutdown_hook(drain)
    await lifecycle.shutdown()
    assert (closed_while_draining, store._closed) == ([False], True)


def test_a_missing_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """H80: without the client the start fails with the command that installs it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setattr("understage.defaults.root_http_router.rate_limit.find_spec", lambda name: None)
    settings = {"store": {"type": "redis", "connection": "redis://localhost"}}
    with pytest.raises(UnsupportedOperationError, match=r"pip install 'understage\[redis\]'"):
        read_rate_limit(config_from_data({"backend": {"rateLimit": settings}}))

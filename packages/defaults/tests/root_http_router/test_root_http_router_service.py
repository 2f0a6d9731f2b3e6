"""The service: when its port is open, and what runs with it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from packages.defaults.tests.root_http_router.serving import ask, hello, serving

from understage.config import config_from_data
from understage.defaults.root_health import DefaultRootHealth
from understage.defaults.root_http_router import root_http_router_service_factory
from understage.defaults.root_http_router.listening import ListenError
from understage.defaults.root_lifecycle import DefaultRootLifecycle
from understage.plugin_api import Receive, Scope, Send


def service(make: Callable[..., Any], data: dict[str, Any], logger: Any) -> tuple[Any, DefaultRootLifecycle]:
    lifecycle = DefaultRootLifecycle(logger)
    config = config_from_data({"backend": {"listen": {"host": "127.0.0.1", "port": 0}, **data}})
    health = DefaultRootHealth(lifecycle)
    return make(config=config, logger=logger, lifecycle=lifecycle, health=health), lifecycle


async def test_the_service_listens_until_shutdown(logger: Any) -> None:
    """W46, H93: the port is open as soon as the service exists, and closed by the root shutdown phase."""
    creating, lifecycle = service(root_http_router_service_factory().factory, {}, logger)
    router = await creating
    request = b"GET /.backstage/health/v1/readiness HTTP/1.0\r\n\r\n"
    assert (await ask(router.port, request)).startswith(b"HTTP/1.1 503")
    await lifecycle.startup()
    assert (await ask(router.port, request)).startswith(b"HTTP/1.1 200")
    await lifecycle.before_shutdown()
    assert (await ask(router.port, request)).startswith(b"HTTP/1.1 503")
    await lifecycle.shutdown()
    with pytest.raises(ConnectionRefusedError):
        await ask(router.port, request)


async def test_shutdown_can_be_delayed(logger: Any) -> None:
    """H61: for backend.lifecycle.serverShutdownDelay requests are served while readiness fails."""
    delay = {"lifecycle": {"serverShutdownDelay": "200ms"}}
    creating, lifecycle = service(root_http_router_service_factory().factory, delay, logger)
    router = await creating
    router.use("/x", hello)
    await lifecycle.startup()
    begin = asyncio.get_running_loop().time()
    stopping = asyncio.create_task(lifecycle.before_shutdown())
    await asyncio.sleep(0.02)
    assert (await ask(router.port, b"GET /.backstage/health/v1/readiness HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 503")
    assert (await ask(router.port, b"GET /x HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")
    await stopping
    assert asyncio.get_running_loop().time() - begin > 0.19
    await lifecycle.shutdown()


async def test_the_service_can_do_without_a_port(logger: Any) -> None:
    """T4: without listening the service has an app to call, and no port."""
    make = root_http_router_service_factory(listen=False, configure=lambda pipeline: pipeline.bare())
    creating, lifecycle = service(make.factory, {}, logger)
    router = await creating
    assert router.port is None
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/api/x", "headers": [], "query_string": b""}
    await router.app(scope, None, send)
    assert sent[0] == {"type": "http.response.start", "status": 404, "headers": []}
    await lifecycle.startup()
    await lifecycle.shutdown()


async def test_lifespans_of_root_mounts_run(logger: Any) -> None:
    """W114: an app that is mounted at the root starts and stops with the backend."""
    make = root_http_router_service_factory(listen=False)
    creating, lifecycle = service(make.factory, {}, logger)
    router = await creating
    events: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while scope["type"] == "lifespan":
            kind = (await receive())["type"]
            events.append(kind)
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    router.use("/x", app)
    await lifecycle.startup()
    await lifecycle.shutdown()
    assert events == ["lifespan.startup", "lifespan.shutdown"]


async def test_taken_ports_fail_the_start(logger: Any) -> None:
    """H90: when the port is taken the service fails with one clear error."""
    async with serving(hello, logger) as server:
        make = root_http_router_service_factory().factory
        creating, _ = service(make, {"listen": f"127.0.0.1:{server.port}"}, logger)
        with pytest.raises(ListenError, match=f"127.0.0.1:{server.port}"):
            await creating

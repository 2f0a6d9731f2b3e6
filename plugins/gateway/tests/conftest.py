"""A backend with the gateway, and one behind it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from understage.gateway import gateway_plugin
from understage.plugin_api import (
    HttpAuth,
    HttpRouter,
    PluginRegistrationPoints,
    Receive,
    Scope,
    Send,
    create_backend_plugin,
)
from understage.testing import TestBackend, mock_services, start_test_backend

Start = Callable[..., AbstractAsyncContextManager[TestBackend]]


@dataclass
class Echo:
    """An ASGI app behind the gateway: tells what it was asked, streams, and breaks."""

    left: asyncio.Event = field(default_factory=asyncio.Event)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    chunks: list[bytes] = field(default_factory=list)
    got_chunk: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        kind = scope["path"].rpartition("/")[2]
        if kind == "stream":
            await self._stream(receive, send)
        elif kind == "break":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise RuntimeError("broken in the middle")
        else:
            await self._tell(scope, receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        leaving = asyncio.ensure_future(receive())
        going_on = asyncio.ensure_future(self.more.wait())
        await asyncio.wait([leaving, going_on], return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            self.left.set()
        leaving.cancel()
        going_on.cancel()
        await send({"type": "http.response.body", "body": b"data: 2\n\n"})

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            chunk = message.get("body", b"")
            if chunk:
                self.chunks.append(chunk)
                self.got_chunk.set()
            body += chunk
            if not message.get("more_body", False):
                break
        told = {
            "method": scope["method"],
            "target": scope["raw_path"].decode() + "?" + scope["query_string"].decode(),
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "body": body.decode(),
        }
        await send(
            {
                "type": "http.response.start",
                "status": 207,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"set-cookie", b"a=1"),
                    (b"set-cookie", b"b=2"),
                    (b"connection", b"x-private"),
                    (b"x-private", b"secret"),
                    (b"access-control-allow-origin", b"http://app"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def behind(echo: Echo) -> AsyncIterator[TestBackend]:
    """Gives the backend behind the gateway: an open plugin `echo`, and `guarded`, which tells who asks."""

    @create_backend_plugin(plugin_id="echo")
    def echo_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_router: HttpRouter) -> None:
            http_router.use(echo)
            http_router.add_auth_policy(path="/", allow="unauthenticated")

    @create_backend_plugin(plugin_id="guarded")
    def guarded_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_auth: HttpAuth, http_router: HttpRouter) -> None:
            async def whoami(scope: Scope, receive: Receive, send: Send) -> None:
                if scope["type"] != "http":
                    return
                credentials = await http_auth.credentials(scope, allow=["user", "service"])
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": credentials.cache_key().encode()})

            http_router.use(whoami)

    async with start_test_backend(features=[echo_plugin, guarded_plugin], listen=True) as backend:
        yield backend


class Places:
    """A discovery service: plugins by their backend's address."""

    def __init__(self, places: Mapping[str, str], default: str) -> None:
        self._places = places
        self.default = default

    async def get_base_url(self, plugin_id: str) -> str:
        return f"{self._places.get(plugin_id, self.default)}/api/{plugin_id}"

    async def get_external_base_url(self, plugin_id: str) -> str:
        return await self.get_base_url(plugin_id)


@pytest.fixture
def start_gateway(behind: TestBackend) -> Start:
    """Gives a function that starts a backend with the gateway, in front of the other one."""

    @asynccontextmanager
    async def start(*features: Any, default: str = "", **places: str) -> AsyncIterator[TestBackend]:
        discovery = Places(places, default or behind.url)
        all_features = [
            gateway_plugin,
            mock_services.discovery.mock(get_base_url=discovery.get_base_url),
            *features,
        ]
        async with start_test_backend(features=all_features, listen=True) as backend:
            discovery.default = discovery.default if default != "itself" else backend.url
            yield backend

    return start

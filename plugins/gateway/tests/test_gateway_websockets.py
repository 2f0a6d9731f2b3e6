import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from tests.support.processes import free_port

from understage.gateway.gateway import Gateway
from understage.gateway.upstream import Upstream
from understage.plugin_api import HttpAuth, HttpRouter, Message, PluginRegistrationPoints, create_backend_plugin
from understage.testing import mock_credentials, mock_services, start_test_backend


class Client:
    """The client's side of a web socket, as ASGI has it."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.received: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self) -> Message:
        return await self.sent.get()

    async def send(self, message: Message) -> None:
        self.received.put_nowait(message)

    async def next(self) -> Message:
        return await asyncio.wait_for(self.received.get(), 5)


@dataclass
class Server:
    """A server whose web socket answers in capitals and closes on `bye`; `closed` gives the codes of closed sockets."""

    closed: asyncio.Queue[int | None] = field(default_factory=asyncio.Queue)
    url: str = ""


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["chat"])
        await socket.prepare(request)
        await socket.send_str(f"{request.headers['authorization']} {request.headers['backstage-gateway-hops']}")
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data[::-1])
            elif message.data == "bye":
                await socket.close(code=4001)
            else:
                await socket.send_str(message.data.upper())
        server.closed.put_nowait(socket.close_code)
        return socket

    app = web.Application()
    app.router.add_get("/api/chat/socket", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", free_port())
    await site.start()
    server.url = site.name
    yield server
    await runner.cleanup()


async def connect(url: str, client: Client, hops: bytes = b"0") -> tuple[asyncio.Task[None], Upstream]:
    upstream = Upstream()
    gateway = Gateway(
        mock_services.discovery(url), mock_services.root_instance_metadata(), upstream, mock_services.logger()
    )
    scope = {
        "type": "websocket",
        "path": "/api/chat/socket",
        "raw_path": b"/api/chat/socket",
        "root_path": "/api/chat",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer x"), (b"backstage-gateway-hops", hops), (b"sec-websocket-key", b"k")],
        "subprotocols": ["chat", "other"],
    }
    client.sent.put_nowait({"type": "websocket.connect"})
    return asyncio.create_task(gateway(scope, client.receive, client.send)), upstream


async def test_messages_pass_both_ways(server: Server) -> None:
    """D20: web sockets pass, with subprotocol, credentials and count; the other side's closing closes this one."""
    client = Client()
    task, upstream = await connect(server.url, client)
    assert await client.next() == {"type": "websocket.accept", "subprotocol": "chat"}
    assert (await client.next())["text"] == "Bearer x 1"
    client.sent.put_nowait({"type": "websocket.receive", "text": "hello"})
    assert await client.next() == {"type": "websocket.send", "text": "HELLO"}
    client.sent.put_nowait({"type": "websocket.receive", "bytes": b"abc"})
    assert await client.next() == {"type": "websocket.send", "bytes": b"cba"}
    client.sent.put_nowait({"type": "websocket.receive", "text": "bye"})
    assert await client.next() == {"type": "websocket.close", "code": 4001}
    await asyncio.wait_for(task, 5)
    await upstream.close()


async def test_the_client_closes(server: Server) -> None:
    """D20: a client that leaves closes the web socket behind the gateway with its code."""
    client = Client()
    task, upstream = await connect(server.url, client)
    await client.next()
    client.sent.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(task, 5)
    assert await asyncio.wait_for(server.closed.get(), 5) == 1001
    await upstream.close()


async def test_refused_sockets(server: Server) -> None:
    """D20, D21: a socket that has gone in circles is closed, and one that the other side refuses is refused."""
    client = Client()
    task, upstream = await connect(server.url, client, hops=b"3")
    assert await client.next() == {"type": "websocket.close", "code": 1008}
    await task
    task, other = await connect(f"http://127.0.0.1:{free_port()}", client)
    with pytest.raises(Exception, match="The backend of the plugin 'chat' cannot be reached"):
        await task
    await upstream.close()
    await other.close()


async def test_over_real_sockets(start_gateway: Any) -> None:
    """D20, D22, H94: a socket opened at the gateway reaches the plugin elsewhere, and a refusal comes back as it is."""

    @create_backend_plugin(plugin_id="chat")
    def chat_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_auth: HttpAuth, http_router: HttpRouter) -> None:
            async def talk(socket: WebSocket) -> None:
                credentials = await http_auth.credentials(socket, allow=["user"])
                await socket.accept(subprotocol="chat")
                await socket.send_text(f"{credentials.principal.user_entity_ref}: {await socket.receive_text()}")
                await socket.close(4000)

            http_router.use(Starlette(routes=[WebSocketRoute("/socket", talk)]))
            http_router.add_auth_policy(path="/", allow="unauthenticated")

    async with (
        start_test_backend(features=[chat_plugin], listen=True) as behind,
        start_gateway(chat=behind.url) as gateway,
        aiohttp.ClientSession() as session,
    ):
        url = f"{gateway.url}/api/chat/socket"
        async with session.ws_connect(url, headers=mock_credentials.user.header(), protocols=["chat"]) as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "user:default/mock: hello"
            assert (await socket.receive()).type is WSMsgType.CLOSE
            assert (socket.protocol, socket.close_code) == ("chat", 4000)
        for path, headers, status in (
            ("chat/socket", mock_credentials.user.invalid_header(), 401),
            ("chat/socket", mock_credentials.service.header(), 403),
            ("chat/socket", {**mock_credentials.user.header(), "backstage-gateway-hops": "3"}, 508),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{gateway.url}/api/{path}", headers=headers)
            assert refused.value.status == status

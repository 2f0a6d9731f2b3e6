"""Web sockets, over real sockets."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from understage.defaults import create_backend
from understage.defaults.root_http_router import DefaultRootHttpRouter
from understage.plugin_api import (
    Auth,
    HttpAuth,
    HttpRouter,
    PluginRegistrationPoints,
    RootHttpRouter,
    create_backend_plugin,
)
from understage.testing import mock_services, start_test_backend

SUBJECT = "external:tester"
# Long enough for a static token, and of the form of a token that a subprotocol can carry.
TOKEN = "socket.tester.token"
CONFIG = {
    "backend": {
        "listen": "127.0.0.1:0",
        "baseUrl": "http://127.0.0.1",
        "database": {"client": "better-sqlite3", "connection": ":memory:"},
        "auth": {"externalAccess": [{"type": "static", "options": {"token": TOKEN, "subject": SUBJECT}}]},
    }
}


async def echo(socket: WebSocket) -> None:
    """Answers in capitals until its client leaves."""
    await socket.accept(subprotocol=(socket.scope["subprotocols"] or [None])[0])
    while True:
        await socket.send_text((await socket.receive_text()).upper())


async def fail(socket: WebSocket) -> None:
    await socket.accept()
    await socket.receive_text()
    raise LookupError("lost")


async def fail_early(socket: WebSocket) -> None:
    raise LookupError("lost")


@create_backend_plugin(plugin_id="chat")
def chat_plugin(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(router: HttpRouter, http_auth: HttpAuth, auth: Auth) -> None:
        async def tell(socket: WebSocket) -> None:
            credentials = await http_auth.credentials(socket, allow=["service"])
            await socket.accept()
            await socket.send_text(credentials.principal.subject)
            await socket.close(4000)

        router.use(
            Starlette(
                routes=[
                    WebSocketRoute("/echo", echo),
                    WebSocketRoute("/open/echo", echo),
                    WebSocketRoute("/open/fail", fail),
                    WebSocketRoute("/open/fail-early", fail_early),
                    WebSocketRoute("/who", tell),
                ]
            )
        )
        router.add_auth_policy(path="/open", allow="unauthenticated")


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, Any]]:
    """Serves the plugin with all layers of a real backend; gives the address and a list of log entries."""
    backend = create_backend()
    ports: list[int] = []

    @create_backend_plugin(plugin_id="port")
    def port_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(root: RootHttpRouter) -> None:
            assert isinstance(root, DefaultRootHttpRouter)
            ports.append(root.port or 0)

    backend.add(mock_services.root_config.factory(data=CONFIG))
    backend.add(chat_plugin)
    backend.add(port_plugin)
    await backend.start()
    try:
        yield f"ws://127.0.0.1:{ports[0]}/api/chat", backend
    finally:
        await backend.stop()


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_messages_both_ways() -> None:
    """H94: a plugin's app accepts a web socket; its token may be in the header."""
    async with serving() as (url, _), connect(f"{url}/echo", additional_headers=bearer()) as socket:
        await socket.send("hello")
        assert await socket.recv() == "HELLO"
        await socket.send("x" * 200_000)
        assert await socket.recv() == "X" * 200_000


async def test_the_token_as_a_subprotocol() -> None:
    """H94: browsers cannot set a header, so the first subprotocol may be the token; it is verified just the same."""
    async with serving() as (url, _):
        async with connect(f"{url}/echo", subprotocols=[Subprotocol(TOKEN)]) as socket:
            assert socket.subprotocol == TOKEN
        async with connect(f"{url}/who", additional_headers=bearer()) as socket:
            assert await socket.recv() == SUBJECT
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 4000
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{url}/echo", subprotocols=[Subprotocol("no.good.token")])
        assert caught.value.response.status_code == 401


async def test_refusals_are_error_documents() -> None:
    """H94: a web socket without credentials is 401, one for nobody an empty 404, one that fails 500."""
    async with serving() as (url, _):
        for path, status, name in (
            ("/echo", 401, "AuthenticationError"),
            ("/open/fail-early", 500, "LookupError"),
        ):
            with pytest.raises(InvalidStatus) as caught:
                await connect(url + path)
            response = caught.value.response
            assert response.status_code == status
            document = json.loads(response.body or b"")
            assert document["error"]["name"] == name
            assert document["request"] == {"method": "GET", "url": path}
        for path in ("/api/nobody/echo", "/nowhere"):
            with pytest.raises(InvalidStatus) as caught:
                await connect(url.replace("/api/chat", path), additional_headers=bearer())
            assert (caught.value.response.status_code, caught.value.response.body or b"") == (404, b"")


async def test_a_failing_app_closes_the_socket() -> None:
    """H94: an app that fails on an open web socket closes it with 1011; its client sees a closing, no broken line."""
    async with serving() as (url, _), connect(f"{url}/open/fail") as socket:
        await socket.send("go")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1011


async def test_a_client_that_leaves_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """H94: an app that does not expect its client to leave is not reported as failing, nor is a refused handshake."""
    async with serving() as (url, _):
        async with connect(f"{url}/open/echo") as socket:
            await socket.send("hello")
            await socket.recv()
        with pytest.raises(InvalidStatus):
            await connect(f"{url}/echo")
        await asyncio.sleep(0.05)
    written = "".join(capsys.readouterr())
    assert "error" not in written.lower(), written


async def test_stopping_closes_sockets() -> None:
    """H93, H94: a backend that stops tells the clients of its web sockets that it goes away."""
    async with serving() as (url, backend):
        socket = await connect(f"{url}/open/echo")
        await asyncio.wait_for(backend.stop(), 10)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1012


async def test_sockets_of_a_test_backend() -> None:
    """H94, T1: a test backend that listens takes web sockets, too."""
    async with (
        start_test_backend(features=[chat_plugin], listen=True) as backend,
        connect(f"{backend.url.replace('http', 'ws')}/api/chat/open/echo") as socket,
    ):
        await socket.send("a")
        assert await socket.recv() == "A"


def test_nothing_is_imported_before_the_first_socket() -> None:
    """H94: a backend that nobody opens a web socket to does not import what speaks their protocol."""
    program = (
        "import asyncio, sys\n"
        "from understage.defaults.root_http_router.listening import ListenOptions\n"
        "from understage.defaults.root_http_router.server import HttpServer\n"
        "from understage.testing import mock_services\n"
        "async def main():\n"
        "    server = HttpServer(None, ListenOptions(0, '127.0.0.1'), logger=mock_services.root_logger())\n"
        "    await server.start()\n"
        "    await server.stop()\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'websockets'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""A server for an app on a port of its own, and a client that sends bytes as they are."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from understage.defaults.root_http_router.listening import ListenOptions
from understage.defaults.root_http_router.server import HttpServer
from understage.defaults.root_http_router.server_options import ServerOptions
from understage.plugin_api import Receive, Scope, Send


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def serving(
    app: Any, logger: Any, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[HttpServer]:
    server = HttpServer(app, ListenOptions(0, "127.0.0.1"), options=ServerOptions(**options), tls=tls, logger=logger)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(port: int, request: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Sends a request and returns all that comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer

"""Web sockets on the HTTP server. What speaks their protocol is imported by the first handshake, in a thread."""

import asyncio
import sys
from typing import Any

_MODULE = "understage.defaults.root_http_router.web_socket_connection"


def is_ready() -> bool:
    """Tells whether `create_connection` can be called without holding up the event loop."""
    return _MODULE in sys.modules


async def prepare() -> None:
    """Imports what is needed."""
    await asyncio.to_thread(__import__, _MODULE)


def create_connection(**arguments: Any) -> asyncio.Protocol:
    """Returns the protocol of a connection that becomes a web socket.

    Args:
        arguments: those of the server.
    """
    from understage.defaults.root_http_router.web_socket_connection import WebSocketConnection

    return WebSocketConnection(**arguments)

"""Passing a web socket on: messages in both directions until one side closes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from understage.gateway.answers import Upstream504Error, send_refusal
from understage.gateway.headers import request_headers
from understage.gateway.upstream import CONNECT_SECONDS, Upstream
from understage.plugin_api import Receive, Scope, Send

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

_NORMAL = 1000
_GOING_AWAY = 1001
# Codes that say why there was no closing message; they may not be sent themselves.
_NOT_SENDABLE = (1005, 1006, 1015)


async def pass_websocket(upstream: Upstream, url: str, hops: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Passes a web socket on.

    Args:
        upstream: opens the other socket.
        url: where it goes.
        hops: what the handshake says of how far it has come.
        scope: the handshake.
        receive: gives the client's messages.
        send: takes those for the client.

    Raises:
        Upstream504Error: the other side does not answer. Where it refuses the socket, the client gets its status.
    """
    session = upstream.session()
    import aiohttp
    from yarl import URL

    await receive()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await session.ws_connect(
                URL(url, encoded=True),
                headers=request_headers(scope["headers"], hops),
                protocols=scope.get("subprotocols", ()),
                max_msg_size=0,
                proxy=upstream.proxies.proxy_for(url),
            )
    except aiohttp.WSServerHandshakeError as error:
        await send_refusal(scope, send, error.status)
        return
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Upstream504Error("the web socket was refused") from error
    try:
        await send({"type": "websocket.accept", "subprotocol": socket.protocol})
        directions = [asyncio.create_task(_to_upstream(socket, receive)), asyncio.create_task(_to_client(socket, send))]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            # A side that breaks off in the middle of a message is gone, as one that closes; there is nobody to tell.
            await asyncio.gather(*directions, return_exceptions=True)
    finally:
        await socket.close(code=_GOING_AWAY)


async def _to_upstream(socket: ClientWebSocketResponse, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            await socket.close(code=_sendable(message.get("code")))
            return
        text: str | None = message.get("text")
        if text is not None:
            await socket.send_str(text)
        else:
            await socket.send_bytes(message["bytes"])


async def _to_client(socket: ClientWebSocketResponse, send: Send) -> None:
    from aiohttp import WSMsgType

    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
        elif message.type is WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
    await send({"type": "websocket.close", "code": _sendable(socket.close_code)})


def _sendable(code: int | None) -> int:
    return _NORMAL if code is None or code in _NOT_SENDABLE else code

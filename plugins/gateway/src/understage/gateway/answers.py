"""Answers that the gateway gives itself."""

from __future__ import annotations

import json

from understage.errors import UnderstageError
from understage.plugin_api import Receive, Scope, Send


class Upstream504Error(UnderstageError):
    """The plugin's backend cannot be reached: 504."""

    name = "GatewayTimeoutError"
    status_code = 504


async def send_loop_detected(scope: Scope, receive: Receive, send: Send, hops: int) -> None:
    """Answers a request that has gone in circles: 508, with an error that has no request and response part.

    Args:
        scope: the request.
        receive: the ASGI receive function.
        send: the ASGI send function.
        hops: how many gateways passed it on.
    """
    error = {"name": "LoopDetectedError", "message": f"Maximum proxy hop count exceeded ({hops})"}
    body = json.dumps({"error": error}, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await _answer(scope, receive, send, 508, headers, body)


async def send_empty_404(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as if nobody were here."""
    await _answer(scope, receive, send, 404, [], b"")


async def send_refusal(scope: Scope, send: Send, status: int) -> None:
    """Answers the handshake of a web socket with the status that the other side refused it with."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close", "code": 1008})


async def _answer(
    scope: Scope, receive: Receive, send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send_refusal(scope, send, status)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

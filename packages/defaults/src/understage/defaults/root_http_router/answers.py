"""Answers that the framework itself gives: JSON and empty ones."""

import json
from collections.abc import Iterable
from typing import Any

from understage.plugin_api import Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

JSON_CONTENT_TYPE: Header = (b"content-type", b"application/json; charset=utf-8")


def json_bytes(value: Any) -> bytes:
    """Returns a value as compact JSON, as JavaScript writes it; what JSON cannot hold becomes text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 form; the escaped one is what JavaScript writes, too.
        return json.dumps(value, separators=(",", ":"), default=str).encode()


async def send_json(send: Send, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
    """Sends a JSON answer.

    Args:
        send: the ASGI send function.
        status: the HTTP status.
        body: the encoded JSON.
        headers: further headers.
    """
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, JSON_CONTENT_TYPE, length]})
    await send({"type": "http.response.body", "body": body})


async def send_empty(send: Send, status: int, headers: Iterable[Header] = ()) -> None:
    """Sends an answer without a body and without a content type."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers]})
    await send({"type": "http.response.body", "body": b""})


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI app that answers everything with the empty 404 of unmatched routes."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    elif scope["type"] == "websocket":
        if "websocket.http.response" in scope.get("extensions", {}):
            await send_empty(as_handshake_answer(send), 404)
        else:
            await send({"type": "websocket.close", "code": 1000})


def as_handshake_answer(send: Send) -> Send:
    """Returns a send function that answers the handshake of a web socket with an HTTP answer.

    Args:
        send: the web socket's; its server must offer the extension `websocket.http.response`.
    """

    async def send_answer(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    return send_answer

"""Responses: stored JSON goes out as the bytes that it was stored as."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from understage.plugin_api import Send

Header = tuple[bytes, bytes]

_JSON: Header = (b"content-type", b"application/json; charset=utf-8")
NO_ETAG: Header = (b"etag", b"")
"""Tells the server not to add an entity tag: bodies of stored entities have none."""


async def send_json(send: Send, value: Any, headers: Sequence[Header] = (), *, status: int = 200) -> None:
    """Sends a value as JSON."""
    await send_body(send, msgspec.json.encode(value), headers, status=status)


async def send_text(send: Send, text: str, headers: Sequence[Header] = ()) -> None:
    """Sends JSON text that was stored."""
    await send_body(send, text.encode(), [*headers, NO_ETAG])


async def send_stream(
    send: Send,
    chunks: AsyncIterator[list[str]],
    *,
    headers: Sequence[Header] = (),
    opening: str = "[",
    closing: Callable[[], str] = lambda: "]",
) -> None:
    """Sends stored JSON texts as a list while they are read; what fails before the first chunk is still answered.

    Args:
        send: the ASGI send function.
        chunks: the texts.
        headers: what is sent besides the type.
        opening: the text before the first one.
        closing: returns the text after the last one.
    """
    between = opening
    async for texts in chunks:
        if between == opening:
            await send({"type": "http.response.start", "status": 200, "headers": [_JSON, *headers]})
        body = (between + ",".join(texts)).encode()
        between = ","
        await send({"type": "http.response.body", "body": body, "more_body": True})
    if between == opening:
        await send_body(send, (opening + closing()).encode(), headers)
    else:
        await send({"type": "http.response.body", "body": closing().encode()})


async def send_not_found(send: Send) -> None:
    """Sends the empty answer of a path that nobody serves."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def send_empty(send: Send, status: int) -> None:
    """Sends an answer without a body."""
    headers = [] if status == 204 else [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def send_body(send: Send, body: bytes, headers: Sequence[Header] = (), *, status: int = 200) -> None:
    """Sends JSON that is encoded already."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})

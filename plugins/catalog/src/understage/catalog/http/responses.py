"""Responses: stored JSON goes out as the bytes that it was stored as."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from understage.plugin_api import Send

Header = tuple[bytes, bytes]

_JSON: Header = (b"content-type", b"application/json; charset=utf-8")
NO_ETAG: Header = (b"etag", b"")
"""Tells the server not to add an entity tag: bodies of stored entities have none."""


async def send_json(send: Send, value: Any, headers: Sequence[Header] = (), *, status: int = 200) -> None:
    """Sends a value as JSON."""
    await _send(send, msgspec.json.encode(value), headers, status)


async def send_text(send: Send, text: str, headers: Sequence[Header] = ()) -> None:
    """Sends JSON text that was stored."""
    await _send(send, text.encode(), [*headers, NO_ETAG])


async def send_list(send: Send, texts: Sequence[str], headers: Sequence[Header] = ()) -> None:
    """Sends stored JSON texts as a list."""
    await send_text(send, f"[{','.join(texts)}]", headers)


async def send_stream(send: Send, chunks: AsyncIterator[list[str]]) -> None:
    """Sends stored JSON texts as a list while they are read; what fails before the first chunk is still answered."""
    started = False
    async for texts in chunks:
        opening = "," if started else "["
        if not started:
            started = True
            await send({"type": "http.response.start", "status": 200, "headers": [_JSON]})
        body = (opening + ",".join(texts)).encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})
    if started:
        await send({"type": "http.response.body", "body": b"]"})
    else:
        await send_json(send, [])


async def send_not_found(send: Send) -> None:
    """Sends the empty answer of a path that nobody serves."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def send_empty(send: Send, status: int) -> None:
    """Sends an answer without a body."""
    headers = [] if status == 204 else [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, body: bytes, headers: Sequence[Header], status: int = 200) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})

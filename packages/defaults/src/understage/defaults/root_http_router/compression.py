"""Compression of answers."""

import asyncio
import re
import zlib
from collections.abc import Awaitable

from understage.defaults.root_http_router.answers import Header
from understage.defaults.root_http_router.headers import add_vary, find_header, set_header, without_headers
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send

_THRESHOLD = 1024
_IN_THREAD = 64 * 1024
_LEVEL = 6

_COMPRESSIBLE = re.compile(
    rb"text/.*|.*\+(?:json|text|xml)"
    rb"|application/(?:json|javascript|ecmascript|xml|xml-dtd|graphql|wasm|x-ndjson|x-sh|x-tar|rtf|toml|sql"
    rb"|x-javascript|x-www-form-urlencoded|manifest|vnd\.ms-fontobject)"
    rb"|font/(?:otf|ttf|collection)|image/(?:bmp|x-icon|x-ms-bmp|vnd\.microsoft\.icon)",
    re.IGNORECASE,
)
_KNOWN_TYPES: dict[bytes, bool] = {}


def compression(app: ASGIApp) -> ASGIApp:
    """Compresses answers with gzip for clients that accept it; event streams are left alone.

    Args:
        app: the app that answers.
    """

    async def with_compression(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send = _CompressingSender(scope, send)
        await app(scope, receive, send)

    return with_compression


async def _nothing() -> None:
    """Awaited in place of what is sent later."""


class _CompressingSender:
    __slots__ = ("_held", "_scope", "_send", "_stream")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._held: Message | None = None
        self._stream: zlib._Compress | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            return self._start(message)
        if self._held is not None:
            return self._first(self._held, message)
        if self._stream is not None:
            return self._next(self._stream, message)
        return self._send(message)

    def _start(self, message: Message) -> Awaitable[None]:
        headers: list[Header] = message["headers"]
        content_type = length = None
        is_final = False
        for name, value in headers:
            if name == b"content-type":
                content_type = value
            elif name == b"content-length":
                length = value
            elif name == b"cache-control":
                is_final = is_final or b"no-transform" in value
        if content_type is None or is_final or not _is_compressible(content_type):
            return self._send(message)
        message["headers"] = add_vary(headers, b"Accept-Encoding")
        if not self._wanted(message, content_type, length):
            return self._send(message)
        if length is None:
            return self._send_start_of_stream(message)
        self._held = message
        return _nothing()

    def _wanted(self, start: Message, content_type: bytes, length: bytes | None) -> bool:
        return (
            (length is None or int(length) >= _THRESHOLD)
            and not content_type.startswith(b"text/event-stream")
            and self._scope["method"] != "HEAD"
            and start["status"] not in (204, 206, 304)
            and find_header(start["headers"], b"content-encoding") is None
            and accepts_gzip(find_header(self._scope["headers"], b"accept-encoding"))
        )

    async def _next(self, stream: "zlib._Compress", message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": await self._compress(stream, message)}
        await self._send(message)

    async def _first(self, start: Message, message: Message) -> None:
        self._held = None
        if message["type"] != "http.response.body":
            await self._send(start)
            await self._send(message)
        elif message.get("more_body", False):
            await self._send_start_of_stream(start)
            await self(message)
        else:
            body = await self._compress(_new_stream(), message)
            start["headers"] = set_header(_encoded(start["headers"]), b"content-length", str(len(body)).encode())
            await self._send(start)
            await self._send({**message, "body": body})

    async def _send_start_of_stream(self, start: Message) -> None:
        self._stream = _new_stream()
        start["headers"] = without_headers(_encoded(start["headers"]), b"content-length")
        await self._send(start)

    async def _compress(self, stream: "zlib._Compress", message: Message) -> bytes:
        body: bytes = message.get("body", b"")
        last = not message.get("more_body", False)
        if len(body) > _IN_THREAD:
            return await asyncio.to_thread(_compressed, stream, body, last)
        return _compressed(stream, body, last)


def accepts_gzip(accept_encoding: bytes | None) -> bool:
    """Tells whether a client takes gzip, by its `Accept-Encoding` header."""
    if not accept_encoding:
        return False
    wildcard = False
    for part in accept_encoding.lower().split(b","):
        coding, _, parameters = part.partition(b";")
        accepted = not re.fullmatch(rb"q=0(?:\.0*)?", parameters.strip())
        if coding.strip() in (b"gzip", b"x-gzip"):
            return accepted
        if coding.strip() == b"*":
            wildcard = accepted
    return wildcard


def _new_stream() -> "zlib._Compress":
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)


def _compressed(stream: "zlib._Compress", body: bytes, last: bool) -> bytes:
    # A flush after each piece: what an app sends, the client can read at once.
    return stream.compress(body) + stream.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _encoded(headers: list[Header]) -> list[Header]:
    return set_header(headers, b"content-encoding", b"gzip")


def _is_compressible(content_type: bytes) -> bool:
    known = _KNOWN_TYPES.get(content_type)
    if known is None:
        if len(_KNOWN_TYPES) > 500:
            _KNOWN_TYPES.clear()
        media_type = content_type.partition(b";")[0].strip()
        known = _KNOWN_TYPES[content_type] = _COMPRESSIBLE.fullmatch(media_type) is not None
    return known

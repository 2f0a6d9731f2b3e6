"""Compressed answers."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.root_http_router.compression import _compressed, _new_stream, accepts_gzip
from understage.plugin_api import ASGIApp, Receive, Scope, Send

TEXT = b"understage " * 1000
GZIP = {"accept-encoding": "gzip, deflate, br"}


def answering(
    *pieces: bytes, content_type: str | None = "text/plain", status: int = 200, sized: bool = True, **headers: str
) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        own = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        if content_type is not None:
            own.append((b"content-type", content_type.encode()))
        if sized:
            own.append((b"content-length", str(sum(map(len, pieces))).encode()))
        await send({"type": "http.response.start", "status": status, "headers": own})
        for index, piece in enumerate(pieces):
            more = index < len(pieces) - 1
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    return app


async def get(make_root: Callable[..., Any], app: ASGIApp, method: str = "GET", **headers: str) -> Any:
    root = make_root()
    root.use("/api/app", app)
    return await root.client.request(method, "/x", headers={**GZIP, **headers})


async def test_large_texts_are_compressed(make_root: Callable[..., Any]) -> None:
    """H34: a large answer is sent as gzip with its new length, and keeps the tag of the plain body."""
    response = await get(make_root, answering(TEXT))
    assert response.content == TEXT
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < 200
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["etag"].startswith(f'W/"{len(TEXT):x}-')


async def test_very_large_texts_are_compressed_too(make_root: Callable[..., Any]) -> None:
    """H34: what takes long to compress is compressed beside the event loop, with the same result."""
    response = await get(make_root, answering(TEXT * 100))
    assert response.content == TEXT * 100
    assert response.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("sized", [True, False])
async def test_streams_are_compressed_piece_by_piece(make_root: Callable[..., Any], sized: bool) -> None:
    """H34: a stream is compressed such that each piece can be read when it arrives."""
    root = make_root()
    root.use("/api/app", answering(TEXT, b"more", TEXT, sized=sized))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"accept-encoding", b"gzip")]
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/x", "headers": headers}
    await root.router.app({**scope, "query_string": b"", "client": None}, None, send)
    assert b"content-length" not in dict(sent[0]["headers"])
    assert dict(sent[0]["headers"])[b"content-encoding"] == b"gzip"
    reader = zlib.decompressobj(31)
    assert [reader.decompress(message["body"]) for message in sent[1:]] == [TEXT, b"more", TEXT]
    assert reader.eof


@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "text/event-stream; charset=utf-8", "image/png", "application/zip", None]
)
async def test_some_types_are_left_alone(make_root: Callable[..., Any], content_type: str | None) -> None:
    """H34: event streams and what is compressed already are sent as they are."""
    response = await get(make_root, answering(TEXT, TEXT, content_type=content_type, sized=False))
    assert "content-encoding" not in response.headers
    assert response.content == TEXT * 2


@pytest.mark.parametrize(
    ("content_type", "varies"),
    [("text/event-stream", True), ("application/json", True), ("image/x-icon", True), ("image/png", False)],
)
async def test_vary_is_that_of_node(make_root: Callable[..., Any], content_type: str, varies: bool) -> None:
    """H34: every answer of a compressible type varies by encoding, compressed or not."""
    response = await get(make_root, answering(b"short", content_type=content_type))
    assert (response.headers.get("vary") == "Accept-Encoding") is varies
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize(
    "app",
    [
        answering(TEXT, cache_control="no-transform"),
        answering(TEXT, content_encoding="br"),
        answering(TEXT, status=206),
    ],
)
async def test_some_answers_are_final(make_root: Callable[..., Any], app: ASGIApp) -> None:
    """H34: answers that must not be transformed, are encoded already or are partial stay as they are."""
    root = make_root()
    root.use("/api/app", app)
    async with root.client.stream("GET", "/x", headers=GZIP) as response:
        assert b"".join([piece async for piece in response.aiter_raw()]) == TEXT
        assert response.headers.get("content-encoding") in (None, "br")


async def test_heads_and_small_answers_are_not_compressed(make_root: Callable[..., Any]) -> None:
    """H34: below 1024 bytes, and for HEAD, nothing is compressed."""
    for app, method in ((answering(b"x" * 1023), "GET"), (answering(TEXT), "HEAD")):
        assert "content-encoding" not in (await get(make_root, app, method)).headers
    assert (await get(make_root, answering(b"x" * 1024))).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, False),
        (b"", False),
        (b"identity", False),
        (b"gzip", True),
        (b"br, GZIP;q=0.5", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.00, *", False),
        (b"*", True),
        (b"*;q=0", False),
        (b"deflate, br", False),
    ],
)
def test_accept_encoding(header: bytes | None, accepted: bool) -> None:
    """H34: gzip is used for clients that name it, or a star, with a weight above zero."""
    assert accepts_gzip(header) is accepted


@given(st.binary())
def test_any_accept_encoding_can_be_read(header: bytes) -> None:
    """H34: no header of a client breaks the server."""
    assert accepts_gzip(header) in (True, False)


def test_gzip_is_standard() -> None:
    """H34: what is sent is what the standard library reads as gzip."""
    assert gzip.decompress(_compressed(_new_stream(), TEXT, True)) == TEXT

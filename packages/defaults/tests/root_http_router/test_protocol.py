import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn

from understage.defaults.root_http_router.protocol import HttpProtocol, encode_header
from understage.plugin_api import ASGIApp, Receive, Scope, Send

Exchange = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """Serves an app on a free port with the protocol under test."""
    config = uvicorn.Config(app, port=0, http=HttpProtocol, lifespan="off", log_level="critical", server_header=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.005)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


def answering(status: int, headers: list[tuple[bytes, bytes]], *chunks: bytes) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for index, chunk in enumerate(chunks):
            await send({"type": "http.response.body", "body": chunk, "more_body": index < len(chunks) - 1})

    return app


GET = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


async def test_a_known_length_is_sent_plain() -> None:
    """An answer with a content length goes out with exactly its headers and its body."""
    async with served(answering(200, [(b"content-length", b"5"), (b"x-a", b"b")], b"hello")) as port:
        answer = await exchange(port, GET)
    head, body = answer.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"x-a: b" in head
    assert b"connection: close" in head
    assert b"transfer-encoding" not in head
    assert body == b"hello"


async def test_an_unknown_length_is_chunked() -> None:
    """An answer without content length is chunked, empty chunks left out, and ends with the last one."""
    async with served(answering(200, [], b"one", b"", b"three")) as port:
        answer = await exchange(port, GET)
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("request_line", "status", "headers"),
    [(b"HEAD", 200, [(b"content-length", b"5")]), (b"HEAD", 200, []), (b"GET", 204, []), (b"GET", 304, [])],
)
async def test_answers_without_body_send_none(
    request_line: bytes, status: int, headers: list[tuple[bytes, bytes]]
) -> None:
    """HEAD, 204 and 304 are answered with a head alone."""
    body = b"hello" if request_line == b"HEAD" else b""
    async with served(answering(status, headers, body)) as port:
        answer = await exchange(port, GET.replace(b"GET", request_line, 1))
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


async def test_the_head_of_a_stream_does_not_wait() -> None:
    """The head of an event stream leaves at once, though its first event comes much later."""
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await release.wait()
        await send({"type": "http.response.body", "body": b"data: 1\n\n"})

    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"text/event-stream" in head
        release.set()
        assert b"data: 1" in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()


async def test_connections_are_kept_and_pipelined() -> None:
    """Two requests on one connection are both answered, in order."""
    count = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        count += 1
        body = str(count).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": body})

    async with served(app) as port:
        answer = await exchange(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" + GET)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.endswith(b"2")


async def test_a_body_of_the_wrong_length_ends_the_connection() -> None:
    """A body shorter than announced never looks complete to the client."""
    async with served(answering(200, [(b"content-length", b"9")], b"short")) as port:
        answer = await exchange(port, GET)
    assert answer.endswith(b"short")


@pytest.mark.parametrize(("name", "value"), [(b"x\r\ny", b"1"), (b"x", b"1\r\ny: 2"), (b"", b"1"), (b"x y", b"1")])
def test_headers_cannot_be_split(name: bytes, value: bytes) -> None:
    """A header that holds a line break, or a name with a space, is refused."""
    with pytest.raises(ValueError, match="may not have"):
        encode_header(name, value)


def test_the_cache_of_headers_is_bounded() -> None:
    """Headers with ever new values do not fill the memory."""
    from understage.defaults.root_http_router import protocol

    for number in range(10_000):
        encode_header(b"etag", str(number).encode())
    assert len(protocol._encoded) <= protocol._ENCODED_HEADERS

"""The server, over real sockets."""

import asyncio
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from packages.defaults.tests.root_http_router.serving import ask, hello, serving

from understage.config import config_from_data
from understage.defaults.root_http_router import answer_writer
from understage.defaults.root_http_router.answers import not_found
from understage.defaults.root_http_router.certificates import self_signed_certificate
from understage.defaults.root_http_router.error_answers import ResponseAbortedError
from understage.defaults.root_http_router.server_options import ServerOptions, read_server_options
from understage.plugin_api import Receive, Scope, Send


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path, the size of the authorization header and the size of the body."""
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message["body"])
        more = message["more_body"]
    token = dict(scope["headers"]).get(b"authorization", b"")
    body = f"{scope['raw_path'].decode()} {scope['path']} {len(token)} {size} {len(scope['headers'])}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def read_answer(reader: asyncio.StreamReader, size: int = 5) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    return head + await reader.readexactly(size)


async def test_connection_headers_are_those_of_node(logger: Any) -> None:
    """H92: an answer carries the date and, while the connection stays, the recorded keep-alive headers; no server."""
    async with serving(hello, logger) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        lines = (await read_answer(reader)).split(b"\r\n")
        assert lines[0] == b"HTTP/1.1 200 OK"
        assert lines[1].startswith(b"date: ")
        assert lines[1].endswith(b" GMT")
        assert lines[2:4] == [b"connection: keep-alive", b"keep-alive: timeout=5"]
        assert not any(line.lower().startswith(b"server:") for line in lines)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        last = await asyncio.wait_for(reader.read(), 5)
        assert b"connection: close\r\n" in last
        assert b"keep-alive" not in last
        writer.close()


async def test_pipelined_requests_are_answered_in_order(logger: Any) -> None:
    """H92: several requests that come at once are answered one after the other."""
    requests = b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % number for number in range(5))
    async with serving(echo, logger) as server:
        answer = await ask(server.port, requests + b"GET /last HTTP/1.0\r\n\r\n")
    assert [answer.find(f"/{number} /{number}".encode()) > 0 for number in range(5)] == [True] * 5
    assert answer.index(b"/0 ") < answer.index(b"/4 ") < answer.index(b"/last ")


async def test_large_tokens_work(logger: Any) -> None:
    """H92: a token of 32 KB reaches the app."""
    request = b"GET / HTTP/1.1\r\nconnection: close\r\nauthorization: %b\r\n\r\n" % (b"a" * 32768)
    async with serving(echo, logger) as server:
        assert b" 32768 0 " in await ask(server.port, request)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nx: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"x%d: %b\r\n" % (n, b"a" * 1000) for n in range(200)) + b"\r\n",
    ],
)
async def test_endless_headers_are_refused(logger: Any, request_bytes: bytes) -> None:
    """H92: address and headers above the limit are a 431 and end the connection."""
    async with serving(hello, logger) as server:
        try:
            answer = await ask(server.port, request_bytes)
        except ConnectionResetError:
            # The server has closed with unread bytes left; what matters is that it has.
            answer = b"HTTP/1.1 431"
    assert answer.startswith(b"HTTP/1.1 431")


async def test_garbage_is_refused(logger: Any) -> None:
    """H92: what is no HTTP is a 400 and ends the connection."""
    async with serving(hello, logger) as server:
        assert (await ask(server.port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_bodies_are_streamed(logger: Any) -> None:
    """H92: large and chunked bodies reach the app, and encoded paths are decoded once."""
    async with serving(echo, logger) as server:
        large = b"POST /a%20b%2520 HTTP/1.1\r\nconnection: close\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300_000
        assert b"/a%20b%2520 /a b%20 0 300000 " in await ask(server.port, large)
        head = b"POST / HTTP/1.1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        chunked = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        assert b" 0 5 " in await ask(server.port, chunked)


async def test_empty_404_is_chunked_without_type(logger: Any) -> None:
    """H6: the empty 404 is sent as recorded: chunked, without content type."""
    async with serving(not_found, logger) as server:
        answer = await ask(server.port, b"GET /api HTTP/1.1\r\nconnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"content-type" not in head
    assert body == b"0\r\n\r\n"


async def test_requests_per_connection_can_be_limited(logger: Any) -> None:
    """H92: after maxRequestsPerSocket requests the connection is closed, and answers say how many there are."""
    async with serving(hello, logger, max_requests_per_socket=2) as server:
        answer = await ask(server.port, b"GET / HTTP/1.1\r\n\r\n" * 2)
    assert answer.count(b"hello") == 2
    assert answer.count(b"keep-alive: timeout=5, max=2\r\n") == 1
    assert answer.count(b"connection: close\r\n") == 1


async def test_headers_beyond_the_count_are_dropped(logger: Any) -> None:
    """H92: of more than maxHeadersCount headers the rest is ignored."""
    async with serving(echo, logger, max_headers=3) as server:
        request = b"GET / HTTP/1.1\r\nconnection: close\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n"
        assert (await ask(server.port, request)).rpartition(b" ")[2].startswith(b"3")


@pytest.mark.parametrize(
    ("options", "request_bytes", "answer"),
    [
        ({"headers_timeout": 0.05}, b"", b"HTTP/1.1 408"),
        ({"headers_timeout": 0.05}, b"GET / HTTP/1.1\r\nhost:", b"HTTP/1.1 408"),
        ({"request_timeout": 0.05}, b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc", b"HTTP/1.1 408"),
        ({}, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200"),
    ],
)
async def test_slow_clients_are_dropped(
    logger: Any, options: dict[str, Any], request_bytes: bytes, answer: bytes
) -> None:
    """H92: headers, requests and idle connections that take longer than their timeout end the connection."""
    async with serving(echo, logger, keep_alive_timeout=0.1, **options) as server:
        assert (await ask(server.port, request_bytes)).startswith(answer)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ({}, ServerOptions()),
        ({"headersTimeout": 1500, "requestTimeout": "2m"}, ServerOptions(headers_timeout=1.5, request_timeout=120)),
        ({"keepAliveTimeout": {"seconds": 9}}, ServerOptions(keep_alive_timeout=9)),
        ({"maxHeadersCount": 5, "maxRequestsPerSocket": 7}, ServerOptions(max_headers=5, max_requests_per_socket=7)),
    ],
)
def test_server_settings(logger: Any, server: dict[str, Any], expected: ServerOptions) -> None:
    """H92: numbers are milliseconds, durations are read; what is not set stays as it is."""
    assert read_server_options(config_from_data({"backend": {"server": server}}), logger) == expected
    assert logger.entries == []


def test_settings_without_effect_are_named(logger: Any) -> None:
    """H92: backend.server.timeout is not supported and says so.

    deviation: this server has no timeout for sockets that are quiet amid an answer.
    """
    read_server_options(config_from_data({"backend": {"server": {"timeout": 1}}}), logger)
    [(message, _)] = logger.of("warning")
    assert "backend.server.timeout has no effect" in message


async def test_stop_lets_requests_finish(logger: Any) -> None:
    """H93: stop closes the port and idle connections at once, and waits for running requests."""
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await release.wait()
        await hello(scope, receive, send)

    async with serving(slow, logger) as server, AsyncExitStack() as stack:
        stack.callback(release.set)
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", server.port)
        running = asyncio.create_task(ask(server.port, b"GET / HTTP/1.1\r\n\r\n"))
        await entered.wait()
        stopping = asyncio.create_task(server.stop())
        assert await asyncio.wait_for(idle.read(), 1) == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        assert not stopping.done()
        release.set()
        answer = await running
        await asyncio.wait_for(stopping, 1)
        idle_writer.close()
    assert answer.endswith(b"hello")
    assert b"connection: close" in answer
    assert b"keep-alive" not in answer


async def test_answers_end_connections_before_the_stop(logger: Any) -> None:
    """H61, H93: once the stop is announced requests are served as ever, but each answer says that it ends its
    connection, and does; new connections are accepted."""
    async with serving(hello, logger) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"connection: keep-alive\r\n" in await read_answer(reader)
        server.announce_stop()
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"connection: close\r\n" in await read_answer(reader)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        again = await ask(server.port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert again.startswith(b"HTTP/1.1 200 OK")


async def test_failures_of_the_app_are_logged_once(logger: Any) -> None:
    """H23: what an app raises is logged by the server, unless it has been logged already."""

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/begun":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise ResponseAbortedError
        raise ValueError("boom")

    async with serving(fail, logger) as server:
        assert (await ask(server.port, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 500")
        assert b"0\r\n\r\n" not in await ask(server.port, b"GET /begun HTTP/1.1\r\n\r\n")
    assert [str(entry["error"]) for _, entry in logger.of("error")] == ["boom"]


def answering(status: int, headers: list[tuple[bytes, bytes]], *pieces: bytes) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for index, piece in enumerate(pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": index < len(pieces) - 1})

    return app


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ((b"hello",), b"5\r\nhello\r\n0\r\n\r\n"),
        ((b"one", b"", b"three"), b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"),
        ((b"",), b"0\r\n\r\n"),
    ],
)
async def test_answers_of_unknown_length_are_chunked(logger: Any, pieces: tuple[bytes, ...], body: bytes) -> None:
    """H92: an answer without a length is sent in chunks, in one piece or in several."""
    async with serving(answering(200, [], *pieces), logger) as server:
        answer = await ask(server.port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
    head, _, sent = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert sent == body


@pytest.mark.parametrize(
    ("method", "status", "headers", "body"),
    [
        (b"HEAD", 200, [(b"content-length", b"5")], b"hello"),
        (b"HEAD", 200, [], b"hello"),
        (b"GET", 204, [], b""),
        (b"GET", 304, [], b""),
        (b"GET", 200, [(b"content-length", b"0")], b""),
    ],
)
async def test_some_answers_are_a_head_alone(
    logger: Any, method: bytes, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """H92: HEAD, 204, 304 and a length of zero are answered without a body, and the connection stays usable."""
    async with serving(answering(status, headers, body), logger) as server:
        request = method + b" / HTTP/1.1\r\n\r\n" + method + b" / HTTP/1.1\r\nconnection: close\r\n\r\n"
        answer = await ask(server.port, request)
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"\r\n\r\n") == 2
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("headers", [[(b"content-type", b"text/event-stream")], [(b"content-length", b"99999")]])
async def test_the_head_does_not_wait_for_the_body(logger: Any, headers: list[tuple[bytes, bytes]]) -> None:
    """H92: the head of a stream or a large answer leaves at once, though its first piece comes much later."""
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await release.wait()
        body = b"data: 1\n\n" if headers[0][0] == b"content-type" else b"data: 1".ljust(99999)
        await send({"type": "http.response.body", "body": body})

    async with serving(app, logger) as server, AsyncExitStack() as stack:
        stack.callback(release.set)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
        assert headers[0][0] in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        release.set()
        assert b"data: 1" in await asyncio.wait_for(reader.read(), 5)
        writer.close()


@pytest.mark.parametrize("body", [b"short", b"much too long"])
async def test_bodies_of_the_wrong_length_end_the_connection(logger: Any, body: bytes) -> None:
    """H92: a body that is not as long as announced never looks complete to the client."""
    async with serving(answering(200, [(b"content-length", b"9")], body), logger) as server:
        answer = await ask(server.port, b"GET / HTTP/1.1\r\n\r\n")
    assert len(answer.partition(b"\r\n\r\n")[2]) < 9
    assert logger.of("error")


async def test_remembered_headers_are_bounded(logger: Any) -> None:
    """H92: headers with ever new values do not fill the memory."""
    async with serving(answering(200, [(b"x%d" % n, b"a") for n in range(9000)], b""), logger) as server:
        answer = await ask(server.port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert b"x8999: a\r\n" in answer
    assert len(answer_writer._LINES) <= 4096


@pytest.mark.parametrize("header", [(b"x", b"a\r\nb"), (b"x y", b"a"), (b"", b"a"), (b"x\r\ny", b"a")])
async def test_headers_cannot_be_smuggled(logger: Any, header: tuple[bytes, bytes]) -> None:
    """H30: a header of an app that would break the answer apart is refused."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [header]})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app, logger) as server:
        answer = await ask(server.port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert b"\r\nb" not in answer.replace(b"\r\n\r\n", b"")
    assert "cannot be sent" in str(logger.of("error")[0][1]["error"])


async def test_requests_that_the_end_of_the_process_cuts_off(logger: Any) -> None:
    """W116: a cancelled request is answered with 500 and closes the connection; it is no failure to be logged."""
    begun = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with serving(app, logger) as server:
        asking = asyncio.create_task(ask(server.port, b"GET / HTTP/1.1\r\n\r\n"))
        await begun.wait()
        for task in server._state.tasks:
            task.cancel()
        assert (await asking).startswith(b"HTTP/1.1 500")
    assert logger.of("error") == []


async def test_apps_that_await_what_is_cancelled_fail(logger: Any) -> None:
    """W116: a cancellation that nobody asked for is the app's failure: it is answered with 500 and logged."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with serving(app, logger) as server:
        assert (await ask(server.port, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 500")
    assert len(logger.of("error")) == 1


@pytest.mark.parametrize(("starts", "word"), [(False, "starting"), (True, "completing")])
async def test_apps_that_forget_to_answer(logger: Any, *, starts: bool, word: str) -> None:
    """H92: an app that returns without an answer, or amid it, is logged, and the client is not left waiting."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if starts:
            await send({"type": "http.response.start", "status": 200, "headers": []})

    async with serving(app, logger) as server:
        answer = await ask(server.port, b"GET / HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500") != starts
    assert f"without {word} its response" in logger.of("error")[0][0]


async def test_https(logger: Any, tmp_path: Path) -> None:
    """H91: with a certificate the server speaks HTTPS."""
    text = self_signed_certificate("localhost", tmp_path, datetime.now(UTC) - timedelta(days=1))
    path = tmp_path / "localhost.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    client = ssl.create_default_context(cadata=text.partition("-----END PRIVATE KEY-----")[2].strip())
    async with serving(hello, logger, tls=context) as server:
        assert (await ask(server.port, b"GET / HTTP/1.0\r\n\r\n", client)).endswith(b"hello")
        assert any(f"https://127.0.0.1:{server.port}" in message for message, _ in logger.of("info"))

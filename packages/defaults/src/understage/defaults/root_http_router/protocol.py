"""uvicorn's HTTP protocol with a faster way out: an answer's head and first chunk leave in one write.

uvicorn checks every header of every answer by regular expression and writes head and body apart, which costs more than
the rest of a small request. Here a header is checked and encoded when it is first seen, and the head waits for the
first chunk of the body for as long as the application does not suspend.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from understage.plugin_api import ASGIApp, Message

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_NOT_IN_NAME = re.compile(rb'[\x00-\x20\x7f()<>@,;:\[\]={}\\"]')
_NOT_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ENCODED_HEADERS = 4096
_WITHOUT_BODY = frozenset({204, 304})

_encoded: dict[tuple[bytes, bytes], bytes] = {}


def encode_header(name: bytes, value: bytes) -> bytes:
    """Returns a header as it goes over the wire.

    Args:
        name: the header's name, in any case.
        value: the header's value.

    Raises:
        ValueError: name or value hold characters that could break out of the header.
    """
    key = (name, value)
    line = _encoded.get(key)
    if line is None:
        if not name or _NOT_IN_NAME.search(name) or _NOT_IN_VALUE.search(value):
            raise ValueError(f"the response header {name!r}: {value!r} holds characters that headers may not have")
        line = b"%b: %b\r\n" % (name, value)
        if len(_encoded) >= _ENCODED_HEADERS:
            _encoded.clear()
        _encoded[key] = line
    return line


class Sender:
    """Sends one answer: what uvicorn calls `send` of a request's cycle.

    Args:
        cycle: the request's cycle; its state is kept as uvicorn itself would.
        loop: the event loop.
    """

    __slots__ = ("_chunked", "_cycle", "_flush", "_head", "_loop", "_remaining")

    def __init__(self, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop) -> None:
        self._cycle = cycle
        self._loop = loop
        self._head: list[bytes] | None = None
        self._flush: asyncio.Handle | None = None
        self._chunked = False
        self._remaining: int | None = None

    async def send(self, message: Message) -> None:
        """Takes an ASGI message of the application.

        Raises:
            RuntimeError: the message does not belong here, or the body is longer or shorter than its announced length.
        """
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        kind = message["type"]
        if not cycle.response_started and kind == "http.response.start":
            self._start(message)
        elif cycle.response_started and not cycle.response_complete and kind == "http.response.body":
            self._body(message.get("body", b""), message.get("more_body", False))
        else:
            state = "complete" if cycle.response_complete else "started" if cycle.response_started else "not started"
            raise RuntimeError(f"ASGI message {kind!r} sent while the response is {state}")

    def _start(self, message: Message) -> None:
        cycle = self._cycle
        status: int = message["status"]
        head = [STATUS_LINE[status]]
        chunked: bool | None = None
        for name, value in cycle.default_headers:
            head.append(encode_header(name, value))
        for name, value in message.get("headers", ()):
            head.append(encode_header(name, value))
            size = len(name)
            if size == 14 and name.lower() == b"content-length" and chunked is None:
                self._remaining, chunked = int(value), False
            elif size == 17 and name.lower() == b"transfer-encoding" and value.lower() == b"chunked":
                self._remaining, chunked = None, True
            elif size == 10 and name.lower() == b"connection" and b"close" in value.lower():
                cycle.keep_alive = False
        if not cycle.keep_alive:
            head.append(b"connection: close\r\n")
        if cycle.scope["method"] == "HEAD" or status in _WITHOUT_BODY:
            self._remaining = 0 if status in _WITHOUT_BODY else None
        elif chunked is None:
            chunked = True
            head.append(b"transfer-encoding: chunked\r\n")
        self._chunked = bool(chunked) and cycle.scope["method"] != "HEAD" and status not in _WITHOUT_BODY
        head.append(b"\r\n")
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        self._head = head
        # Event streams send their head long before the first event: it must not wait for it.
        self._flush = self._loop.call_soon(self._write_head)

    def _write_head(self) -> None:
        if self._head is not None and not self._cycle.disconnected:
            self._cycle.transport.write(b"".join(self._head))
        self._head = None

    def _body(self, body: bytes, more: bool) -> None:
        cycle = self._cycle
        parts = self._head or []
        self._head = None
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._chunked:
            if body:
                parts += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                parts.append(b"0\r\n\r\n")
        elif self._remaining is not None:
            self._remaining -= len(body)
            if self._remaining < 0:
                raise RuntimeError("the response's body is longer than its content-length")
            parts.append(body)
        if parts:
            cycle.transport.write(b"".join(parts))
        if not more:
            self._complete()

    def _complete(self) -> None:
        cycle = self._cycle
        if self._remaining and not self._chunked:
            raise RuntimeError(f"the response's body is {self._remaining} bytes shorter than its content-length")
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, with a `Sender` for each request."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application | ASGIApp) -> None:
        sender: Any = Sender(cycle, self.loop)
        cycle.send = sender.send  # type: ignore[method-assign]
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

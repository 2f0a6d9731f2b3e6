"""Writes answers to the connection: uvicorn's request cycle, with header lines that are checked once and remembered."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from understage.defaults.root_http_router.answers import Header

_LENGTH, _ENCODING, _CONNECTION = b"content-length", b"transfer-encoding", b"connection"
_MAX_REMEMBERED = 4096
_SMALL = 16 * 1024
_MAX_REMEMBERED_BYTES = 1024
# Most headers of most answers are the same; checking them again would cost more than all our layers.
_LINES: dict[Header, bytes] = {}


def _nothing() -> None:
    """Stands where a finished cycle has nobody left to tell."""


def _is_cut_off(error: BaseException) -> bool:
    """Tells whether the task that serves the request was cancelled, as opposed to something that the app awaited."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


class AnswerCycle(RequestResponseCycle):
    """One request and its answer.

    Attributes:
        common_lines: header lines that every answer on this connection begins with.
    """

    common_lines: bytes = b""
    _pending: bytes = b""
    # What is the same for all requests when they begin stands here once, instead of being set for each.
    access_log = False
    default_headers: list[Header] = []  # noqa: RUF012 - the server's own declaration; nobody adds to it
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0

    def __init__(
        self,
        scope: Any,
        connection: Any,
        *,
        expect_100_continue: bool,
        keep_alive: bool,
    ) -> None:
        """Begins a request. What the server's own cycle sets is set here or above.

        Args:
            scope: the ASGI scope.
            connection: the connection that the request came on.
            expect_100_continue: whether the client waits to be told to send the body.
            keep_alive: whether the connection stays open after the answer.
        """
        self.scope = scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.logger = connection.logger
        self.message_event = asyncio.Event()
        self.on_response = connection.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expect_100_continue
        self.body = bytearray()

    async def run_asgi(self, app: Any) -> None:
        """Lets the app answer; logs it if it fails to, unless the process ends before it could."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:
            # Whatever it is, the client must not wait for ever.
            if not _is_cut_off(error):
                self.logger.error("Exception in ASGI application", exc_info=error)
            await self._give_up()
        else:
            if not self.response_complete and not self.disconnected:
                missing = "completing" if self.response_started else "starting"
                self.logger.error("The ASGI application returned without %s its response", missing)
                await self._give_up()
        finally:
            # Ends the circle of references, so that the cycle goes at once.
            self.on_response = _nothing

    async def _give_up(self) -> None:
        if self.response_started:
            self.transport.close()
        else:
            await self.send_500_response()

    async def send(self, message: Any) -> None:
        """Writes a part of the answer.

        Raises:
            RuntimeError: a header cannot be sent, or messages come in the wrong order.
        """
        if self.flow.write_paused or self.disconnected:
            self._write_pending()
            await super().send(message)
        elif not self.response_started and message["type"] == "http.response.start":
            self.response_started = True
            self.waiting_for_100_continue = False
            self._pending = self._head(message["status"], message.get("headers", ()))
            # The head leaves with the body, in one write; but that of a stream, or of something large, does not wait
            # for a body that comes later. To ask for that each time would be a tenth of a small request's cost.
            if self.chunked_encoding or self.expected_content_length > _SMALL:
                asyncio.get_running_loop().call_soon(self._write_pending)
        elif (payload := self._payload(message)) is not None:
            self.expected_content_length = 0
            self.transport.write(b"".join((self._pending, payload)))
            self._pending = b""
            self._complete()
        else:
            self._write_pending()
            await super().send(message)

    def _write_pending(self) -> None:
        head, self._pending = self._pending, b""
        if head and not self.transport.is_closing():
            self.transport.write(head)

    def _payload(self, message: Any) -> bytes | None:
        """Returns what is written for a body that comes in one piece, or None for any other message."""
        if not self._pending or message["type"] != "http.response.body" or message.get("more_body", False):
            return None
        body: bytes = message.get("body", b"")
        if self.scope["method"] == "HEAD":
            return b""
        if self.chunked_encoding:
            return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        return body if len(body) == self.expected_content_length else None

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _head(self, status: int, headers: Any) -> bytes:
        content = [STATUS_LINE[status], self.common_lines]
        content += [_LINES.get(header) or self._line(header) for header in headers]
        if not self.keep_alive:
            content.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            content.append(b"transfer-encoding: chunked\r\n")
        content.append(b"\r\n")
        return b"".join(content)

    def _line(self, header: Header) -> bytes:
        """Returns the line of a header that is not remembered."""
        name, value = header
        if not name or HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
            raise RuntimeError(f"the header {name!r} with the value {value!r} cannot be sent")
        name = name.lower()
        line = name + b": " + value + b"\r\n"
        if name == _CONNECTION:
            return self._connection_line(value, line)
        if name == _LENGTH:
            if self.chunked_encoding is None:
                self.expected_content_length = int(value)
                self.chunked_encoding = False
        elif name == _ENCODING:
            if value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
        elif len(line) <= _MAX_REMEMBERED_BYTES:
            if len(_LINES) >= _MAX_REMEMBERED:
                _LINES.clear()
            _LINES[header] = line
        return line

    def _connection_line(self, value: bytes, line: bytes) -> bytes:
        if b"close" not in (token.strip() for token in value.lower().split(b",")):
            return line
        # The line that closes the connection is written at the end of the head.
        self.keep_alive = False
        return b""

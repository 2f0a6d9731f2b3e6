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
_MAX_REMEMBERED_BYTES = 1024
# Most headers of most answers are the same; checking them again would cost more than all our layers.
_LINES: dict[Header, bytes] = {}


class AnswerCycle(RequestResponseCycle):
    """One request and its answer.

    Attributes:
        common_lines: header lines that every answer on this connection begins with.
    """

    common_lines: bytes = b""
    _pending: bytes = b""

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
            # The head leaves with the body, in one write; but it does not wait for a body that comes later.
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

"""A connection of the HTTP server: uvicorn's, with the limits and headers of a Node server."""

import asyncio
import sys
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from understage.defaults.root_http_router.answer_writer import AnswerCycle
from understage.defaults.root_http_router.server_options import ServerOptions
from understage.defaults.root_http_router.web_sockets import is_ready, prepare


class ConnectionState(ServerState):
    """What the connections of a server share.

    Attributes:
        limits: limits of connections and requests.
        closing_lines: header lines of answers after which the connection is closed.
        keep_alive_lines: header lines of answers after which it stays open.
        leaving: whether the server is about to stop, so that each answer ends its connection.
    """

    def __init__(self, limits: ServerOptions) -> None:
        super().__init__()
        self.limits = limits
        self.closing_lines = b""
        self.keep_alive_lines = b""
        self.leaving = False

    def set_date(self, date: str) -> None:
        """Sets the `Date` header of the answers to come."""
        timeout = int(self.limits.keep_alive_timeout)
        maximum = self.limits.max_requests_per_socket
        self.closing_lines = f"date: {date}\r\n".encode()
        self.keep_alive_lines = self.closing_lines + b"connection: keep-alive\r\n"
        if timeout:
            value = f"timeout={timeout}, max={maximum}" if maximum else f"timeout={timeout}"
            self.keep_alive_lines += f"keep-alive: {value}\r\n".encode()

    def close_late_connections(self, now: float) -> None:
        """Closes connections that have been idle for too long, or whose requests have not come in time.

        Args:
            now: the time of the event loop.
        """
        for connection in list(self.connections):
            if isinstance(connection, HttpConnection):
                connection.close_if_late(now)


_ASGI = {"version": "3.0", "spec_version": "2.3"}


class _HeadersTooLargeError(Exception):
    """The address and the headers of a request are larger than the limit."""


class HttpConnection(HttpToolsProtocol):
    """Reads requests and writes answers."""

    def __init__(
        self,
        config: Config,
        server_state: ConnectionState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state, _loop=_loop)
        self._shared = server_state
        self._limits = server_state.limits
        self._max_head_bytes = server_state.limits.max_header_bytes
        self._max_headers = server_state.limits.max_headers or sys.maxsize
        self._requests = 0
        self._head_bytes = 0
        self._too_large = False
        # When the request that is being read began, and whether its headers are still missing.
        self._began: float | None = self.loop.time()
        self._in_head = True
        self._idle_since: float | None = None

    def on_message_begin(self) -> None:
        """Begins a request."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        scope: Any = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "state": {},
        }
        self.scope = scope
        self._head_bytes = 0
        self._idle_since = None
        self._began = self.loop.time()
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Takes a piece of the address."""
        self._head_bytes += len(url)
        if self._head_bytes > self._max_head_bytes:
            self._refuse_head()
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self._max_head_bytes:
            self._refuse_head()
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        if len(self.headers) < self._max_headers:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Starts the app, or queues the request behind the one that is being answered."""
        self._in_head = False
        self._requests += 1
        scope: Any = self.scope
        parser: Any = self.parser
        app: Any = self.app
        scope["method"] = parser.get_method().decode("ascii")
        http_version = parser.get_http_version()
        if http_version != "1.1":
            scope["http_version"] = http_version
        if parser.should_upgrade() and self._should_upgrade():
            return
        self._set_target()
        previous = self.cycle
        cycle = self.cycle = AnswerCycle(
            scope,
            self,
            expect_100_continue=self.expect_100_continue,
            keep_alive=http_version != "1.0" and parser.should_keep_alive() and not self._is_last(),
        )
        cycle.common_lines = self._shared.keep_alive_lines if cycle.keep_alive else self._shared.closing_lines
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))

    def handle_websocket_upgrade(self) -> None:
        """Hands the connection over to a web socket, whose client sends nothing before the handshake is answered."""
        self._began = None
        if is_ready():
            super().handle_websocket_upgrade()
            return
        self.transport.pause_reading()
        task = self.loop.create_task(self._prepare_upgrade())
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _prepare_upgrade(self) -> None:
        await prepare()
        if not self.transport.is_closing():
            self.transport.resume_reading()
            super().handle_websocket_upgrade()

    def _set_target(self) -> None:
        target = httptools.parse_url(self.url)
        raw: bytes = target.path or b""
        path = raw.decode("ascii")
        self.scope["raw_path"] = raw
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["query_string"] = target.query or b""

    def _is_last(self) -> bool:
        if self._shared.leaving:
            return True
        maximum = self._limits.max_requests_per_socket
        return maximum > 0 and self._requests >= maximum

    def on_message_complete(self) -> None:
        """Ends a request."""
        self._began = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begins the next request that is queued, or waits for one."""
        self._shared.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()

    def shutdown(self) -> None:
        """Closes the connection as soon as the present answer is complete."""
        super().shutdown()
        if isinstance(self.cycle, AnswerCycle) and not self.cycle.response_complete:
            self.cycle.common_lines = self._shared.closing_lines

    def close_if_late(self, now: float) -> None:
        """Closes the connection if it has been idle for too long; answers 408 if a request has not come in time."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._idle_since is not None and now - self._idle_since >= self._limits.keep_alive_timeout:
            self.transport.close()
        if self._began is None:
            return
        limit = self._limits.headers_timeout if self._in_head else self._limits.request_timeout
        if limit and now - self._began > limit:
            self._refuse(b"408 Request Timeout")

    def send_400_response(self, msg: str) -> None:
        """Answers a request that cannot be understood."""
        self._refuse(b"431 Request Header Fields Too Large" if self._too_large else b"400 Bad Request")

    def _refuse(self, status: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _refuse_head(self) -> None:
        self._too_large = True
        raise _HeadersTooLargeError

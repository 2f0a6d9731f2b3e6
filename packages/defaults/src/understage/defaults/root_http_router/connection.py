"""A connection of the HTTP server: uvicorn's, with the limits and headers of a Node server."""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from understage.defaults.root_http_router.answers import Header
from understage.defaults.root_http_router.server_options import ServerOptions


class ConnectionState(ServerState):
    """What the connections of a server share.

    Attributes:
        limits: limits of connections and requests.
        keep_alive_headers: headers of answers after which the connection stays open.
    """

    def __init__(self, limits: ServerOptions) -> None:
        super().__init__()
        self.limits = limits
        self.keep_alive_headers: list[Header] = []

    def set_date(self, date: str) -> None:
        """Sets the `Date` header of the answers to come."""
        timeout = int(self.limits.keep_alive_timeout)
        maximum = self.limits.max_requests_per_socket
        value = f"timeout={timeout}, max={maximum}" if maximum else f"timeout={timeout}"
        # New lists, for answers in the making hold the old ones.
        self.default_headers = [(b"date", date.encode())]
        self.keep_alive_headers = [*self.default_headers, (b"connection", b"keep-alive")]
        if timeout:
            self.keep_alive_headers.append((b"keep-alive", value.encode()))

    def close_late_connections(self, now: float) -> None:
        """Closes connections whose requests have not come in time.

        Args:
            now: the time of the event loop.
        """
        for connection in list(self.connections):
            if isinstance(connection, HttpConnection):
                connection.close_if_late(now)


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
        self._requests = 0
        self._head_bytes = 0
        self._too_large = False
        # When the request that is being read began, and whether its headers are still missing.
        self._began: float | None = self.loop.time()
        self._in_head = True

    def on_message_begin(self) -> None:
        """Begins a request."""
        super().on_message_begin()
        self._head_bytes = 0
        self._began = self.loop.time()
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Takes a piece of the address."""
        self._count(len(url))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header."""
        self._count(len(name) + len(value))
        if not self._limits.max_headers or len(self.headers) < self._limits.max_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Starts the app."""
        super().on_headers_complete()
        self._in_head = False
        self._requests += 1
        cycle = self.cycle
        maximum = self._limits.max_requests_per_socket
        if cycle is not None and maximum and self._requests >= maximum:
            cycle.keep_alive = False
        if cycle is not None and cycle.keep_alive:
            cycle.default_headers = self._shared.keep_alive_headers

    def on_message_complete(self) -> None:
        """Ends a request."""
        self._began = None
        super().on_message_complete()

    def shutdown(self) -> None:
        """Closes the connection as soon as the present answer is complete."""
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.default_headers = self._shared.default_headers

    def close_if_late(self, now: float) -> None:
        """Answers 408 and closes if the request that is being read has not come in time."""
        if self._began is None or self.transport is None or self.transport.is_closing():
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

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.max_header_bytes:
            self._too_large = True
            raise _HeadersTooLargeError

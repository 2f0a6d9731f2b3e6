"""The HTTP server: the one place that knows which server it is."""

import asyncio
import logging
import ssl
import time
from email.utils import formatdate
from typing import Any, cast

from understage.defaults.root_http_router.error_answers import ResponseAbortedError
from understage.defaults.root_http_router.listening import ListenOptions, open_sockets
from understage.defaults.root_http_router.server_options import ServerOptions
from understage.defaults.root_http_router.uvicorn_package import announce_uvicorn
from understage.defaults.root_http_router.web_sockets import create_connection
from understage.plugin_api import ASGIApp, LoggerService

_POLL_SECONDS = 0.005


class HttpServer:
    """Serves an ASGI app.

    Args:
        app: the app.
        listen: where to listen.
        options: limits of connections and requests.
        tls: TLS settings, or None for plain HTTP.
        logger: where the server's own messages go.
    """

    def __init__(
        self,
        app: ASGIApp,
        listen: ListenOptions,
        *,
        options: ServerOptions | None = None,
        tls: ssl.SSLContext | None = None,
        logger: LoggerService,
    ) -> None:
        self._app = app
        self._listen = listen
        self._options = options or ServerOptions()
        self._tls = tls
        self._logger = logger
        self._servers: list[asyncio.Server] = []
        self._state: Any = None
        self._ticking: asyncio.Task[None] | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The port that the server listens on, also when the configured one is 0."""
        return self._listen.port if self._port is None else self._port

    async def start(self) -> None:
        """Opens the port and accepts requests.

        Raises:
            ListenError: the port cannot be opened.
        """
        sockets = await asyncio.to_thread(open_sockets, self._listen)
        self._port = sockets[0].getsockname()[1]
        # Heavy imports, but the port is open by now: clients queue up.
        announce_uvicorn()
        from uvicorn.config import Config

        from understage.defaults.root_http_router.connection import ConnectionState, HttpConnection

        _route_log(self._logger)
        state = self._state = ConnectionState(self._options)
        config = Config(
            self._app,
            http=HttpConnection,
            # Declared as a class; a function imports nothing before the first handshake.
            ws=cast("Any", create_connection),
            # Declared as whole seconds, but fractions work.
            timeout_keep_alive=cast("Any", self._options.keep_alive_timeout),
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        config.load()
        loop = asyncio.get_running_loop()
        self._tick()
        self._ticking = loop.create_task(self._keep_ticking())
        for opened in sockets:
            self._servers.append(
                await loop.create_server(lambda: HttpConnection(config, state, {}, loop), sock=opened, ssl=self._tls)
            )
        scheme = "http" if self._tls is None else "https"
        host = self._listen.host or ""
        message = f"Listening on {scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._logger.info(message)

    def announce_stop(self) -> None:
        """Goes on serving, but ends each connection with its next answer, which says so.

        Clients then come back to somebody else in time, instead of writing to a connection that is just being closed.
        """
        if self._state is not None:
            self._state.leaving = True

    async def stop(self) -> None:
        """Stops listening, closes idle connections and waits for running requests to finish."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        if self._state is not None:
            for connection in list(self._state.connections):
                connection.shutdown()
            while self._state.connections or self._state.tasks:  # noqa: ASYNC110 - its sets tell nobody
                await asyncio.sleep(_POLL_SECONDS)
        for server in servers:
            await server.wait_closed()
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    def _tick(self) -> None:
        self._state.set_date(formatdate(time.time(), usegmt=True))
        self._state.close_late_connections(asyncio.get_running_loop().time())

    async def _keep_ticking(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._options.keep_alive_timeout or 1.0))
            self._tick()


class _LogRoute(logging.Handler):
    """Hands the server's messages to our logger, without failures that are logged already."""

    def __init__(self, logger: LoggerService) -> None:
        super().__init__(logging.WARNING)
        self._target = logger

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ResponseAbortedError):
            return
        if record.levelno >= logging.ERROR:
            self._target.error(record.getMessage().strip(), error=error)
        else:
            self._target.warning(record.getMessage().strip())


def _route_log(logger: LoggerService) -> None:
    server_logger = logging.getLogger("uvicorn.error")
    server_logger.handlers = [_LogRoute(logger)]
    server_logger.setLevel(logging.WARNING)
    server_logger.propagate = False

"""Answers to failed requests: error documents, and what is logged about them."""

import secrets
import sys
from collections.abc import Iterator

from understage.defaults.root_http_router.answers import Header, as_handshake_answer, json_bytes, send_empty, send_json
from understage.defaults.root_http_router.request_target import relative_url
from understage.errors import (
    ServiceUnavailableError,
    UnderstageError,
    error_document,
    error_status,
    retry_after_seconds,
)
from understage.plugin_api import LoggerService, Scope, Send

_DATABASE_DRIVERS = frozenset({"asyncpg", "sqlite3", "_sqlite3", "sqlalchemy", "aiosqlite", "psycopg", "psycopg2"})
# By whom it is said that the client has gone; looked up where it was imported, so that nothing is imported for it.
_DISCONNECTS = (
    ("starlette.requests", "ClientDisconnect"),
    ("starlette.websockets", "WebSocketDisconnect"),
    ("uvicorn.protocols.utils", "ClientDisconnected"),
)


class ResponseAbortedError(Exception):
    """The request failed after its answer had begun; the failure is logged, the server closes the connection."""


class RefusalError(ServiceUnavailableError):
    """A request is refused for now, and on purpose: nothing is broken that somebody should look at."""


class ErrorAnswers:
    """Answers failed requests with error documents.

    Args:
        logger: where failures with a status of 500 and above go.
        development: whether documents carry the traceback.
    """

    def __init__(self, logger: LoggerService, *, development: bool = False) -> None:
        self._logger = logger.child(type="errorHandler")
        self._development = development

    async def answer(
        self, error: BaseException, scope: Scope, send: Send, *, headers: list[Header] | None = None
    ) -> None:
        """Answers a request, or refuses a web socket.

        Args:
            error: what was raised.
            scope: the ASGI scope.
            send: the ASGI send function; nothing has been sent yet.
            headers: headers that the error asks for.
        """
        shown = self._shown(error)
        status = error_status(shown)
        if status >= 500:
            self.log(error, scope)
        headers = headers or []
        retry_after = retry_after_seconds(shown)
        if retry_after is not None:
            headers = [*headers, (b"retry-after", str(retry_after).encode())]
        if scope["type"] == "websocket":
            if "websocket.http.response" not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": 1008})
                return
            send = as_handshake_answer(send)
        if status < 200 or status in (204, 304):
            await send_empty(send, status, headers)
            return
        method = scope.get("method", "GET")
        document = error_document(shown, method=method, url=relative_url(scope), include_stack=self._development)
        await send_json(send, status, json_bytes(document), headers)

    def log(self, error: BaseException, scope: Scope) -> None:
        """Writes a failure to the log, for those that cannot be answered or must not be shown."""
        method, url = scope.get("method", "WEBSOCKET"), scope["path"]
        if isinstance(error, RefusalError):
            message = f"Request refused with status {error_status(error)}: {error}"
            self._logger.warning(message, method=method, url=url)
        elif not is_disconnect(error):
            message = f"Request failed with status {error_status(error)}"
            self._logger.error(message, error=error, method=method, url=url)

    def _shown(self, error: BaseException) -> BaseException:
        if error_status(error) < 500 or not _reveals_database(error):
            return error
        log_id = secrets.token_hex(10)
        message = f"Filtered internal error with logId={log_id} from response"
        self._logger.error(message, error=error, logId=log_id)
        shown = f"An internal error occurred logId={log_id}"
        if isinstance(error, ServiceUnavailableError):
            # That it is only for now is no secret, and what clients and proxies go by.
            return ServiceUnavailableError(shown, retry_after=error.retry_after)
        return UnderstageError(shown)


def is_disconnect(error: BaseException) -> bool:
    """Tells whether the error only says that the client has gone."""
    return any(
        (module := sys.modules.get(home)) is not None and isinstance(error, getattr(module, name))
        for home, name in _DISCONNECTS
    )


def _reveals_database(error: BaseException) -> bool:
    """Tells whether the error is a database driver's, or repeats the text of one."""
    return any(_is_driver_error(cause) and (cause is error or str(cause) in str(error)) for cause in _chain(error))


def _is_driver_error(error: BaseException) -> bool:
    return any(cls.__module__.partition(".")[0] in _DATABASE_DRIVERS for cls in type(error).__mro__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__

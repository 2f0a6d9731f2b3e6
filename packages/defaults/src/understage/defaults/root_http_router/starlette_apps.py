"""Starlette and FastAPI apps: their own error answers are replaced by error documents.

Neither package is imported before there is an app of theirs.
"""

import sys
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from understage.defaults.root_http_router.answers import Header, not_found
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_http_router.validation_errors import validation_error
from understage.errors import UnderstageError
from understage.errors.status import STATUS_BY_NAME
from understage.plugin_api import ASGIApp, Receive, Scope, Send

_ROUTERS = ("starlette.routing", "starlette.endpoints", "fastapi.routing")
_NAME_BY_STATUS = {status: name for name, status in STATUS_BY_NAME.items()}


def adopt(app: ASGIApp, errors: ErrorAnswers) -> ASGIApp:
    """Returns the app with our error answers in place of the framework's own; other apps are returned as they are.

    Handlers that the author has set stay. Trailing slashes are not redirected.

    Args:
        app: any ASGI app.
        errors: what answers failures.
    """
    applications: Any = sys.modules.get("starlette.applications")
    routing: Any = sys.modules.get("starlette.routing")
    if applications is None:
        return app
    if isinstance(app, routing.Router):
        # A bare router answers errors in plain text; within an application it raises them.
        wrapper = applications.Starlette()
        wrapper.router = app
        return adopt(wrapper, errors)
    if isinstance(app, applications.Starlette):
        _configure(app, errors)
        _configure_routes(app, errors, applications.Starlette, routing)
    return app


def answers_failures_itself(app: object) -> bool:
    """Tells whether the author has set a handler for all failures."""
    handlers: Any = getattr(app, "exception_handlers", None)
    return isinstance(handlers, dict) and (Exception in handlers or 500 in handlers)


def _configure(app: Any, errors: ErrorAnswers) -> None:
    http_exception = sys.modules["starlette.exceptions"].HTTPException
    handlers: dict[Any, Any] = app.exception_handlers
    fastapi: Any = sys.modules.get("fastapi.exception_handlers")
    if fastapi is not None:
        validation = sys.modules["fastapi.exceptions"].RequestValidationError
        if handlers.get(validation) is fastapi.request_validation_exception_handler:
            handlers[validation] = _handler(errors, validation_error)
        if handlers.get(http_exception) is fastapi.http_exception_handler:
            del handlers[http_exception]
    handlers.setdefault(http_exception, _http_exception_handler(errors))
    from understage.defaults.root_http_router.starlette_stack import lean_stack

    if not answers_failures_itself(app):
        handlers.setdefault(UnderstageError, _handler(errors, lambda error: error))
    app.router.redirect_slashes = False
    # Builds the stack anew if somebody has used the app already.
    app.middleware_stack = lean_stack(app)


def _configure_routes(app: Any, errors: ErrorAnswers, application: Any, routing: Any) -> None:
    routes: Iterable[Any] = app.routes
    for route in routes:
        inner: Any = route.app if isinstance(route, routing.Mount | routing.Host) else None
        if isinstance(inner, application):
            _configure(inner, errors)
        elif isinstance(inner, routing.Router):
            inner.redirect_slashes = False
        if isinstance(inner, application | routing.Router):
            _configure_routes(inner, errors, application, routing)


def _handler(errors: ErrorAnswers, convert: Any) -> Any:
    async def handle(request: Any, error: Exception) -> ASGIApp:
        return _Answer(errors, convert(error))

    return handle


def _http_exception_handler(errors: ErrorAnswers) -> Any:
    async def handle(request: Any, error: Any) -> ASGIApp:
        if error.status_code in (404, 405) and _raised_by_router(error):
            return not_found
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (error.headers or {}).items()
        ]
        return _Answer(errors, http_error(error.status_code, error.detail, error), headers)

    return handle


class _Answer:
    def __init__(self, errors: ErrorAnswers, error: BaseException, headers: list[Header] | None = None) -> None:
        self._errors = errors
        self._error = error
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._errors.answer(self._error, scope, send, headers=self._headers)


def http_error(status: int, detail: Any, cause: BaseException) -> UnderstageError:
    """Returns the error that stands for an `HTTPException`.

    Args:
        status: its status.
        detail: its detail: the message if it is text, else a member `detail` of the document.
        cause: the exception.
    """
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    error = UnderstageError(detail if isinstance(detail, str) else phrase)
    error.name = _NAME_BY_STATUS.get(status) or "".join(filter(str.isalnum, phrase.title())).removesuffix("Error") + (
        "Error"
    )
    error.status_code = status  # type: ignore[attr-defined]
    if detail is not None and not isinstance(detail, str):
        error.fields = {"detail": detail}
    error.__cause__ = cause
    return error


def _raised_by_router(error: BaseException) -> bool:
    """Tells whether no route matched, as opposed to an author's own 404 or 405."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_globals.get("__name__") in _ROUTERS

"""The layers that Starlette puts around an app's routes, without those that do nothing for a mounted app.

Imports Starlette; import this module only where there is a Starlette app.
"""

from typing import Any

from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


def lean_stack(app: Starlette) -> ASGIApp:
    """Returns an app's routes with its middleware around them.

    The layer that answers failures is left out unless the author has set a handler for it, or debugging: whoever mounts
    the app answers them. The layer that answers expected errors gets in the way of a request only when there is one.

    Args:
        app: the app; its handlers and middleware are complete.
    """
    stack: Any = app.build_middleware_stack()
    if isinstance(stack, ServerErrorMiddleware) and stack.handler is None and not stack.debug:
        stack = stack.app
    lean: ASGIApp = _LeanExceptionMiddleware(stack) if type(stack) is ExceptionMiddleware else stack
    return lean


class _LeanExceptionMiddleware(ExceptionMiddleware):
    """Answers the same errors with the same handlers, but wraps nothing around requests that raise none."""

    def __init__(self, replaced: ExceptionMiddleware) -> None:
        super().__init__(replaced.app, debug=replaced.debug)
        vars(self).update(vars(replaced))
        self._handlers: Any = (self._exception_handlers, self._status_handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["starlette.exception_handlers"] = self._handlers
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            if scope["type"] not in ("http", "websocket"):
                raise
            await self._handling(error)(scope, receive, send)

    def _handling(self, error: Exception) -> ExceptionMiddleware:
        async def fail(scope: Scope, receive: Receive, send: Send) -> None:
            raise error

        handling = ExceptionMiddleware(fail, debug=self.debug)
        handling._exception_handlers, handling._status_handlers = self._handlers  # noqa: SLF001 - of the same class
        return handling

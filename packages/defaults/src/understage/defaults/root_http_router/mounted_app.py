"""A mounted ASGI app: its lifespan, its state, and what happens when it fails."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

from understage.defaults.root_http_router.error_answers import ErrorAnswers, ResponseAbortedError, is_disconnect
from understage.defaults.root_http_router.lifespan import AppLifespan
from understage.defaults.root_http_router.starlette_apps import adopt, answers_failures_itself
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send


class MountedApp:
    """Runs an app such that whatever it raises becomes an error document.

    Args:
        app: the app.
        owner: whose app it is, for messages, such as `plugin 'catalog'`.
        errors: what answers failures.
    """

    def __init__(self, app: ASGIApp, *, owner: str, errors: ErrorAnswers) -> None:
        self.original = app
        self._app: ASGIApp | None = None
        self._owner = owner
        self._errors = errors
        self._state: dict[str, object] = {}

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Runs the app's lifespan around the context.

        Raises:
            LifespanError: the app could not start.
        """
        lifespan = AppLifespan(self._adopted(), owner=self._owner)
        self._state = await lifespan.start()
        try:
            yield
        finally:
            await lifespan.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        app = self._app or self._adopted()
        if self._state:
            scope["state"] = dict(self._state)
        started = False
        held: list[Message] | None = None

        def guarded(message: Message) -> Awaitable[None]:
            nonlocal started, held
            if started:
                return send(message)
            if held is not None:
                held.append(message)
                return _nothing()
            if message["type"] == "http.response.start" and message["status"] == 500:
                # Starlette answers 500 before it raises; our answer must win.
                held = [message]
                return _nothing()
            started = True
            return send(message)

        try:
            await app(scope, receive, guarded)
        except Exception as error:
            error = _unwrapped(error)
            if held is not None and answers_failures_itself(self.original):
                self._errors.log(error, scope)
            elif started:
                self._errors.log(error, scope)
                if scope["type"] == "http":
                    raise ResponseAbortedError from error
                await _close_socket(send)
            else:
                if not is_disconnect(error):
                    await self._errors.answer(error, scope, send)
                return
        for message in held or ():
            await send(message)

    def _adopted(self) -> ASGIApp:
        if self._app is None:
            self._app = adopt(self.original, self._errors)
        return self._app


async def _close_socket(send: Send) -> None:
    """Closes a web socket whose app has failed, unless it is closed."""
    # The server refuses messages after a closing one, and ones for a client that has gone.
    with suppress(RuntimeError, OSError):
        await send({"type": "websocket.close", "code": 1011})


async def _nothing() -> None:
    """Awaited in place of what is sent later."""


def _unwrapped(error: Exception) -> Exception:
    """Takes a lone error out of the group that a task group put around it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error

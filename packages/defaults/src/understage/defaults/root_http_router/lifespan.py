"""The ASGI lifespan of a mounted app."""

import asyncio
from typing import Any

from understage.errors import UnderstageError
from understage.plugin_api import ASGIApp, Message


class LifespanError(UnderstageError):
    """A mounted app could not start, or not stop."""

    name = "LifespanError"


class _UnexpectedMessageError(Exception):
    """The app answers the lifespan as if it were a request: it knows no lifespan."""


class AppLifespan:
    """Starts and stops an ASGI app by the lifespan protocol; apps that do not know it are left alone.

    Args:
        app: the app.
        owner: whose app it is, for messages, such as `plugin 'catalog'`.
    """

    def __init__(self, app: ASGIApp, *, owner: str) -> None:
        self._app = app
        self._owner = owner
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._state: dict[str, Any] = {}

    async def start(self) -> dict[str, Any]:
        """Starts the app.

        Returns:
            the state that its requests shall see.

        Raises:
            LifespanError: it failed to start.
        """
        self._task = asyncio.create_task(self._run())
        answer = await self._exchange({"type": "lifespan.startup"})
        if answer is None:
            self._forget()
        elif answer["type"] == "lifespan.startup.failed":
            raise await self._failure("start", answer)
        return self._state

    async def stop(self) -> None:
        """Stops the app.

        Raises:
            LifespanError: it failed to stop.
        """
        if self._task is None:
            return
        answer = await self._exchange({"type": "lifespan.shutdown"})
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            raise await self._failure("stop", answer)
        cause = await self._ended()
        if answer is None and cause is not None:
            raise LifespanError(f"an app of {self._owner} failed to stop", cause)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        await self._app(scope, self._to_app.get, self._send)

    async def _send(self, message: Message) -> None:
        if not message["type"].startswith("lifespan."):
            raise _UnexpectedMessageError(message["type"])
        self._from_app.put_nowait(message)

    async def _exchange(self, message: Message) -> Message | None:
        """Sends a message and returns the app's answer, or None if the app ended without one."""
        assert self._task is not None  # noqa: S101 - for the type checker
        self._to_app.put_nowait(message)
        answer = asyncio.create_task(self._from_app.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        return None if self._from_app.empty() else self._from_app.get_nowait()

    async def _ended(self) -> BaseException | None:
        assert self._task is not None  # noqa: S101 - for the type checker
        await asyncio.wait({self._task})
        return None if self._task.cancelled() else self._task.exception()

    async def _failure(self, step: str, answer: Message) -> LifespanError:
        # Starlette sends the traceback as the message and raises the error itself, which says it better.
        cause = await self._ended()
        message = f"an app of {self._owner} failed to {step}"
        if cause is None and answer.get("message"):
            message += f": {answer['message']}"
        return LifespanError(message, cause)

    def _forget(self) -> None:
        """Leaves an app alone that ended without an answer: it knows no lifespan."""
        if self._task is not None and not self._task.cancelled():
            self._task.exception()
        self._task = None

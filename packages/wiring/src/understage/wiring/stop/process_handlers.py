"""Handlers for exceptions that nobody caught: they are logged, and the process lives on."""

import asyncio
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from understage.plugin_api import LoggerService

_ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]


class ProcessHandlers:
    """Logs uncaught exceptions of tasks, callbacks and threads, for as long as it is installed.

    With several backends in a process each one logs each error.

    Args:
        logger: where to log.
    """

    def __init__(self, logger: LoggerService) -> None:
        self._logger = logger
        self._loop: asyncio.AbstractEventLoop | None = None

    def install(self) -> None:
        """Begins to log; called on the backend's event loop."""
        self._loop = asyncio.get_running_loop()
        _hooks.add(self, self._loop)

    def remove(self) -> None:
        """Ends logging; without any backend left, the process behaves as before."""
        if self._loop is not None:
            _hooks.discard(self, self._loop)
            self._loop = None

    def unhandled(self, message: str, kind: str, error: BaseException | None) -> None:
        """Logs an error."""
        if error is None:
            self._logger.error(message, type=kind)
        else:
            self._logger.error(message, type=kind, error=error)


class _Hooks:
    """The process-wide hooks, there once however many backends log through them."""

    def __init__(self) -> None:
        self._handlers: dict[asyncio.AbstractEventLoop, list[ProcessHandlers]] = {}
        self._previous: tuple[_ExceptHook, Callable[[Any], Any]] | None = None
        self._previous_by_loop: dict[asyncio.AbstractEventLoop, Any] = {}

    def add(self, handlers: ProcessHandlers, loop: asyncio.AbstractEventLoop) -> None:
        if not self._handlers:
            self._previous = (sys.excepthook, threading.excepthook)
            sys.excepthook = self._on_exception
            threading.excepthook = self._on_thread_exception
        if loop not in self._handlers:
            self._previous_by_loop[loop] = loop.get_exception_handler()
            loop.set_exception_handler(self._on_loop_exception)
        self._handlers.setdefault(loop, []).append(handlers)

    def discard(self, handlers: ProcessHandlers, loop: asyncio.AbstractEventLoop) -> None:
        remaining = self._handlers.get(loop, [])
        if handlers in remaining:
            remaining.remove(handlers)
        if loop in self._handlers and not remaining:
            del self._handlers[loop]
            loop.set_exception_handler(self._previous_by_loop.pop(loop, None))
        if not self._handlers and self._previous is not None:
            sys.excepthook, threading.excepthook = self._previous
            self._previous = None

    def _on_loop_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        message = str(context.get("message") or "Unhandled error on the event loop")
        for handlers in list(self._handlers.get(loop, ())):
            handlers.unhandled(message, "unhandledRejection", error)

    def _on_exception(self, _kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
        self._tell_all("Uncaught exception", error)

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread else "?"
        if arguments.exc_type is not SystemExit:
            self._tell_all(f"Uncaught exception in thread '{name}'", arguments.exc_value)

    def _tell_all(self, message: str, error: BaseException | None) -> None:
        for handlers in [item for group in self._handlers.values() for item in group]:
            handlers.unhandled(message, "uncaughtException", error)


_hooks = _Hooks()

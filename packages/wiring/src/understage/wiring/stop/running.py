"""Runs a backend as a process does: until a signal comes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from understage.errors.classes import describe_error
from understage.wiring.errors import BackendStartupError, UnexpectedStartupError
from understage.wiring.report.explaining import explain, log_traceback
from understage.wiring.stop.instances import stop_instances

if TYPE_CHECKING:
    from understage.wiring.backend import Backend

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run_backend(backend: Backend, *, on_started: Callable[[], object] = lambda: None) -> int:
    """Starts a backend, waits for SIGTERM or SIGINT, and stops every backend of the process.

    A second signal ends the wait for a start or stop that hangs.

    Args:
        backend: the backend; it has not been started.
        on_started: called when it has.

    Returns:
        The exit code: 0 if it started and everything stopped cleanly, else 1.
    """
    first, second = asyncio.Event(), asyncio.Event()
    with _signal_handler(lambda: second.set() if first.is_set() else first.set()):
        starting = asyncio.create_task(backend.start())
        started = await _start(backend, starting, first, second)
        if started:
            on_started()
            await first.wait()
            backend.logger.info("Stopping")
        stopping = asyncio.create_task(stop_instances())
        if not await _finishes(stopping, unless=second):
            stopping.cancel()
            starting.cancel()
            backend.logger.error("Stopped without waiting: a second signal came")
            return 1
        for error in stopping.result():
            message = f"The backend did not stop cleanly: {describe_error(error)}"
            backend.logger.error(message, error=error)
        return 1 if stopping.result() or not started else 0


async def _start(backend: Backend, starting: asyncio.Task[object], first: asyncio.Event, second: asyncio.Event) -> bool:
    if not await _finishes(starting, unless=first):
        backend.logger.info("Stopping as soon as the start has settled; a second signal stops at once")
        if not await _finishes(starting, unless=second):
            return False
    try:
        starting.result()
    except BackendStartupError as error:
        _report(backend, error)
        return False
    return True


def _report(backend: Backend, error: BackendStartupError) -> None:
    # Failures of plugins and modules were logged when they occurred; what aborted the start has not been yet.
    if isinstance(error, UnexpectedStartupError):
        for cause in error.errors:
            backend.logger.error(explain(cause))
            log_traceback(backend.logger, cause)
    backend.logger.error("The backend failed to start and stops now")


async def _finishes(task: asyncio.Task[object] | asyncio.Task[list[BaseException]], *, unless: asyncio.Event) -> bool:
    """Waits for a task to end, and tells whether it did before an event came."""
    waiting = asyncio.create_task(unless.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return task.done()


@contextmanager
def _signal_handler(handle: Callable[[], object]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        try:
            loop.add_signal_handler(number, handle)
        except NotImplementedError:  # event loops on Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(handle))
    try:
        yield
    finally:
        for number in _SIGNALS:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, previous[number])

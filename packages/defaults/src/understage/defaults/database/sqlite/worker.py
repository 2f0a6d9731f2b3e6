"""A thread that owns a SQLite connection and runs functions on it, one after another."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    abandoned: bool = False


class SqliteWorker:
    """Runs functions on a connection in a thread of its own, in the order in which they are asked for.

    When the one who waits is cancelled, the function is not started any more, or its statement is interrupted.

    Args:
        connect: opens the connection; called in the thread.
        name: the thread's name.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, name: str) -> None:
        self._connect = connect
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._running: _Job | None = None
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        # A daemon, so that a process that ends without closing is not held up; SQLite survives that.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def closed(self) -> bool:
        """Whether no more functions are taken."""
        return self._closed

    async def open(self) -> None:
        """Starts the thread and opens the connection."""
        self._thread.start()
        try:
            await self.run(self._keep)
        except BaseException:
            self.stop()
            raise

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs a function on the connection and returns its result."""
        if self._closed:
            raise sqlite3.ProgrammingError("the connection is closed")
        return await self._submit(work)

    async def close(self) -> None:
        """Closes the connection after all that was asked for before, and ends the thread."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._submit(_close)
        finally:
            self._jobs.put(None)

    def stop(self) -> None:
        """Ends the thread without waiting for it."""
        self._closed = True
        self._jobs.put(None)

    async def _submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop)
        self._jobs.put(job)
        try:
            result: T = await job.future
        except asyncio.CancelledError:
            self._abandon(job)
            raise
        return result

    def _keep(self, connection: sqlite3.Connection) -> None:
        """The first function: that it runs means that the connection is open."""

    def _abandon(self, job: _Job) -> None:
        with self._lock:
            job.abandoned = True
            if self._running is job and self._connection is not None:
                self._connection.interrupt()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            with self._lock:
                if job.abandoned:
                    continue
                self._running = job
            result: Any = None
            error: BaseException | None = None
            try:
                if self._connection is None:
                    self._connection = self._connect()
                result = job.work(self._connection)
            except BaseException as raised:  # noqa: BLE001 - raised again where it is awaited
                error = raised
            with self._lock:
                self._running = None
            _settle_soon(job, result, error)
            del job, result, error
        if self._connection is not None:
            self._connection.close()


def _close(connection: sqlite3.Connection) -> None:
    connection.close()


def _settle_soon(job: _Job, result: Any, error: BaseException | None) -> None:
    try:
        job.loop.call_soon_threadsafe(_settle, job.future, result, error)
    except RuntimeError:
        # The loop was closed meanwhile: nobody waits any more.
        return


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)

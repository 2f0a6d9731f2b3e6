"""A pool of sessions, opened on first use."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from understage.defaults.database.budget import ConnectionBudget, Waiter
from understage.defaults.database.errors import TransactionError
from understage.defaults.database.session import Session
from understage.errors import ServiceUnavailableError

T = TypeVar("T")

TRUSTED_IDLE_SECONDS = 30.0
IDLE_SECONDS = 60.0
CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """The size of a pool.

    Attributes:
        minimum: how many idle connections stay open.
        maximum: how many connections there are at most.
        acquire_seconds: how long somebody waits for one.
    """

    minimum: int = 0
    maximum: int = 10
    acquire_seconds: float = 30.0


class SessionPool:
    """Lends sessions, the most recently used one first.

    A session that was idle for long is asked whether it still lives, and is closed when it stays idle. What is broken
    is replaced, so that a restarted server needs no restart here.

    Args:
        open_session: opens a connection; its errors reach whoever asked.
        title: what is connected to, for messages.
        limits: how many.
        budget: the limit shared with other pools.
    """

    def __init__(
        self,
        open_session: Callable[[], Awaitable[Session]],
        *,
        title: str,
        limits: PoolLimits,
        budget: ConnectionBudget,
    ) -> None:
        self._open_session = open_session
        self._title = title
        self._limits = limits
        self._budget = budget
        self._idle: deque[tuple[Session, float]] = deque()
        self._lent: dict[Session, asyncio.Task[Any] | None] = {}
        self._size = 0
        self._closed = False
        self._returned = asyncio.Event()
        self._background: set[asyncio.Future[Any]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        budget.pools.add(self)

    def __contains__(self, session: object) -> bool:
        """Tells whether a session is lent out by this pool."""
        return session in self._lent

    @property
    def size(self) -> int:
        """How many connections are open or being opened."""
        return self._size

    @property
    def can_grow(self) -> bool:
        """Whether another connection would be within the pool's own limit."""
        return self._size < self._limits.maximum

    @property
    def idle_since(self) -> float | None:
        """When the longest idle session came back, on the monotonic clock, or None if none is idle."""
        return self._idle[0][1] if self._idle else None

    def acquire_nowait(self) -> Session | None:
        """Lends an idle session that needs no check, or None."""
        if not self._idle:
            return None
        session, since = self._idle[-1]
        if not session.usable or time.monotonic() - since > TRUSTED_IDLE_SECONDS:
            return None
        self._idle.pop()
        self._lent[session] = asyncio.current_task()
        return session

    async def acquire(self) -> Session:
        """Lends a session: an idle one, a new one, or the next that comes back.

        Raises:
            ServiceUnavailableError: none could be opened, or none became free in time.
            TransactionError: the task that asks holds them all itself.
        """
        try:
            async with asyncio.timeout(self._limits.acquire_seconds):
                session = await self._obtain()
        except TimeoutError as error:
            raise ServiceUnavailableError(self._exhausted(), retry_after=1) from error
        self._lent[session] = asyncio.current_task()
        return session

    def release(self, session: Session) -> None:
        """Takes a session back: it goes to whoever waits, or is idle."""
        del self._lent[session]
        if not self._lent:
            self._returned.set()
        if self._closed or not session.usable:
            self._discard(session)
            return
        waiter = self._budget.next_for(self)
        if waiter is None:
            self._idle.append((session, time.monotonic()))
            self._reap_later()
        elif waiter.pool is self:
            self._budget.leave(waiter)
            waiter.future.set_result(session)
        else:
            self._close(session)
            self._budget.grant(waiter)

    def expect(self) -> None:
        """Counts a connection that somebody was given the right to open."""
        self._size += 1

    def evict(self) -> None:
        """Closes the longest idle session, to make room for another pool."""
        self._close(self._idle.popleft()[0])
        self._budget.open -= 1

    async def finish(self, session: Session, work: Coroutine[Any, Any, None]) -> None:
        """Does the last work on a lent session, also if the caller is cancelled meanwhile."""
        # From here on it is not the caller's task that holds the session.
        self._lent[session] = None
        await asyncio.shield(self._in_background(work))

    async def close(self) -> None:
        """Closes all sessions; those in use once they are given back, or after five seconds."""
        self._closed = True
        self._returned.clear()
        self._budget.pools.discard(self)
        if self._reaper is not None:
            self._reaper.cancel()
        for waiter in self._budget.drop(self):
            waiter.future.set_exception(self._closing())
        while self._idle:
            self._discard(self._idle.popleft()[0])
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._lent:
                    await self._returned.wait()
                while self._background:
                    await asyncio.wait(self._background)
        for session in list(self._lent):
            await session.close()

    async def _obtain(self) -> Session:
        if self._closed:
            raise self._closing()
        idle = await self._idle_session()
        if idle is not None:
            return idle
        if self.can_grow and self._budget.reserve(self):
            self._size += 1
            return await self._open()
        given = await self._wait()
        return await self._open() if given is None else given

    async def _idle_session(self) -> Session | None:
        while self._idle:
            session, since = self._idle.pop()
            try:
                trusted = time.monotonic() - since <= TRUSTED_IDLE_SECONDS
                alive = session.usable and (trusted or await session.check())
            except BaseException:
                self._discard(session)
                raise
            if alive:
                return session
            self._discard(session)
        return None

    async def _open(self) -> Session:
        opening = asyncio.ensure_future(self._open_session())
        self._keep(opening)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Half-open connections are not to be torn down; somebody else will have use for this one.
            opening.add_done_callback(self._adopt)
            raise
        except BaseException:
            self._forget()
            raise

    def _adopt(self, opening: asyncio.Future[Session]) -> None:
        if opening.cancelled() or opening.exception() is not None:
            self._forget()
        else:
            session = opening.result()
            self._lent[session] = None
            self.release(session)

    async def _wait(self) -> Session | None:
        task = asyncio.current_task()
        if self._lent and all(holder is task for holder in self._lent.values()):
            raise TransactionError(self._deadlock())
        waiter = Waiter(self, asyncio.get_running_loop().create_future())
        self._budget.enqueue(waiter)
        try:
            session: Session | None = await waiter.future
        except asyncio.CancelledError:
            self._budget.leave(waiter)
            self._pass_on(waiter)
            raise
        return session

    def _pass_on(self, waiter: Waiter) -> None:
        # Cancelled in the moment between being given something and running on.
        if not waiter.future.done() or waiter.future.cancelled() or waiter.future.exception() is not None:
            return
        session = waiter.future.result()
        if session is None:
            self._forget()
        else:
            self._lent[session] = None
            self.release(session)

    def _discard(self, session: Session) -> None:
        self._close(session)
        self._budget.give_back()

    def _forget(self) -> None:
        self._size -= 1
        self._budget.give_back()

    def _close(self, session: Session) -> None:
        self._size -= 1
        self._in_background(session.close())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        return self._keep(asyncio.ensure_future(work))

    def _keep(self, work: asyncio.Future[T]) -> asyncio.Future[T]:
        self._background.add(work)
        work.add_done_callback(self._background.discard)
        return work

    def _reap_later(self) -> None:
        if self._reaper is None and len(self._idle) > self._limits.minimum:
            loop = asyncio.get_running_loop()
            self._reaper = loop.call_later(IDLE_SECONDS, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        before = time.monotonic() - IDLE_SECONDS
        while len(self._idle) > self._limits.minimum and self._idle[0][1] <= before:
            self._discard(self._idle.popleft()[0])
        self._reap_later()

    def _closing(self) -> ServiceUnavailableError:
        return ServiceUnavailableError(f"{self._title} is being closed, since the backend stops")

    def _exhausted(self) -> str:
        return (
            f"{self._title}: no connection became free within {self._limits.acquire_seconds:g} s. {self._size} of "
            f"{self._limits.maximum} are open here, and {self._budget.open} of {self._budget.limit} together with "
            "other plugins on the same server; transactions that stay open while they wait for something else hold them"
        )

    def _deadlock(self) -> str:
        return (
            f"{self._title}: this task waits for a connection while its own open transaction holds the only one. "
            "Run the statement on the connection that the transaction gave"
        )

"""How many connections the pools of one database server may hold together."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understage.defaults.database.pool import SessionPool

STARVING_SECONDS = 0.1


@dataclass(eq=False, slots=True)
class Waiter:
    """Somebody who waits for a session.

    Attributes:
        pool: where from.
        future: gets a session, or None for the right to open one.
        since: since when, on the monotonic clock.
    """

    pool: SessionPool
    future: asyncio.Future[Any]
    since: float = field(default_factory=time.monotonic)


class ConnectionBudget:
    """Limits the open connections of all pools that share a server, and queues those that wait for one.

    Idle connections do not hold others up: the longest idle one of another pool is closed when a pool needs to grow.

    Args:
        limit: how many connections may be open together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0
        self.pools: set[SessionPool] = set()
        self._waiters: deque[Waiter] = deque()

    def reserve(self, pool: SessionPool) -> bool:
        """Takes a place for a new connection of a pool, at the cost of another pool's idle one if need be."""
        if self.open >= self.limit and not self._evict_for(pool):
            return False
        self.open += 1
        return True

    def give_back(self) -> None:
        """Passes a place that became free to the next one who can use it."""
        waiter = next((waiter for waiter in self._live() if waiter.pool.can_grow), None)
        if waiter is None:
            self.open -= 1
        else:
            self.grant(waiter)

    def grant(self, waiter: Waiter) -> None:
        """Gives a place that is taken already to somebody who waits, so that nobody can come between."""
        self.leave(waiter)
        waiter.pool.expect()
        waiter.future.set_result(None)

    def enqueue(self, waiter: Waiter) -> None:
        """Adds somebody who waits."""
        self._waiters.append(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Removes somebody who waits no longer."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def next_for(self, pool: SessionPool) -> Waiter | None:
        """Returns who gets what a pool has to give: its own next waiter, unless another pool starves."""
        if not self._waiters:
            return None
        foreign: Waiter | None = None
        for waiter in self._live():
            if waiter.pool is pool:
                return waiter
            if foreign is None and waiter.pool.can_grow:
                foreign = waiter
                if time.monotonic() - waiter.since > STARVING_SECONDS:
                    return foreign
        return foreign

    def drop(self, pool: SessionPool) -> list[Waiter]:
        """Takes all who wait for a pool from the queue."""
        gone = [waiter for waiter in self._live() if waiter.pool is pool]
        for waiter in gone:
            self._waiters.remove(waiter)
        return gone

    def _evict_for(self, pool: SessionPool) -> bool:
        others = [other for other in self.pools if other is not pool and other.idle_since is not None]
        if not others:
            return False
        min(others, key=lambda other: other.idle_since or 0.0).evict()
        return True

    def _live(self) -> Iterator[Waiter]:
        return iter([waiter for waiter in self._waiters if not waiter.future.done()])

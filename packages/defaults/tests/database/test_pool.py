import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from understage.defaults.database import pool as pool_module
from understage.defaults.database.budget import STARVING_SECONDS, ConnectionBudget
from understage.defaults.database.errors import TransactionError
from understage.defaults.database.pool import PoolLimits, SessionPool
from understage.defaults.database.session import Session
from understage.errors import ServiceUnavailableError
from understage.plugin_api import Dialect


class FakeSession(Session):
    """A session that does nothing but live."""

    dialect: Dialect = "sqlite"

    def __init__(self) -> None:
        self.alive = True
        self.answers = True
        self.checks = 0
        self.closed = False

    @property
    def usable(self) -> bool:
        return self.alive

    async def check(self) -> bool:
        self.checks += 1
        return self.answers

    async def close(self) -> None:
        self.closed = True

    async def fetch(self, query: str, args: Sequence[object], row_type: Any) -> list[Any]:
        return []

    async def fetch_row(self, query: str, args: Sequence[object], row_type: Any) -> Any:
        return None

    async def execute(self, query: str, args: Sequence[object]) -> int:
        return 0

    async def execute_many(self, query: str, rows: Iterable[Sequence[object]]) -> None: ...
    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None: ...
    async def run_script(self, script: str) -> None: ...
    async def begin(self) -> None: ...
    async def commit(self, notifications: Sequence[tuple[str, str]]) -> None: ...
    async def rollback(self) -> None: ...
    async def savepoint(self, action: str, name: str) -> None: ...
    def unavailable(self, error: BaseException) -> ServiceUnavailableError | None:
        return None


class Pools:
    """Makes pools on one budget and remembers what they opened."""

    def __init__(self, limit: int = 100) -> None:
        self.budget = ConnectionBudget(limit)
        self.opened: list[FakeSession] = []
        self.failing = False

    async def open(self) -> FakeSession:
        await asyncio.sleep(0)
        if self.failing:
            raise OSError("no server")
        self.opened.append(FakeSession())
        return self.opened[-1]

    def pool(self, maximum: int = 10, *, minimum: int = 0, seconds: float = 5.0) -> SessionPool:
        limits = PoolLimits(minimum, maximum, seconds)
        return SessionPool(self.open, title="the database", limits=limits, budget=self.budget)


async def elsewhere(pool: SessionPool) -> Session:
    """Acquires in a task of its own, so that the test's task holds nothing."""
    return await asyncio.create_task(pool.acquire())


async def test_nothing_is_opened_before_it_is_needed() -> None:
    """S18: a pool holds no connection until one is asked for, and reuses the last one that came back."""
    pools = Pools()
    pool = pools.pool()
    assert pool.acquire_nowait() is None
    assert pools.opened == []

    one, two = await pool.acquire(), await pool.acquire()
    pool.release(one)
    pool.release(two)
    assert pool.acquire_nowait() is two
    assert await pool.acquire() is one
    assert len(pools.opened) == pool.size == 2


async def test_the_maximum_holds_and_waiters_are_served_in_order() -> None:
    """A pool never opens more than its maximum; who waits longest is served first."""
    pools = Pools()
    pool = pools.pool(2)
    held = [await elsewhere(pool) for _ in range(2)]
    order: list[int] = []

    async def work(number: int) -> None:
        session = await pool.acquire()
        order.append(number)
        await asyncio.sleep(0)
        pool.release(session)

    tasks = [asyncio.create_task(work(number)) for number in range(10)]
    await asyncio.sleep(0.01)
    assert order == []
    for session in held:
        pool.release(session)
    await asyncio.gather(*tasks)
    assert order == list(range(10))
    assert len(pools.opened) == 2


async def test_waiting_too_long_says_what_is_full() -> None:
    """Who waits longer than allowed gets a 503 that names the database and both limits."""
    pool = Pools(limit=7).pool(1, seconds=0.02)
    await elsewhere(pool)

    with pytest.raises(
        ServiceUnavailableError, match=r"the database: no connection became free within 0.02 s. 1 of 1 "
    ):
        await pool.acquire()


async def test_a_task_that_holds_everything_does_not_wait_for_itself() -> None:
    """A task whose own transaction holds the only connection is told at once."""
    pool = Pools().pool(1)
    await pool.acquire()

    with pytest.raises(TransactionError, match="holds the only one"):
        await pool.acquire()


async def test_a_broken_session_is_replaced() -> None:
    """S21: a connection that broke, idle or in use, is closed and replaced by a new one.

    deviation: instead of a query every minute, a connection is checked when it is lent out after a while of idling.
    """
    pools = Pools()
    pool = pools.pool(1)
    session = await pool.acquire()
    assert isinstance(session, FakeSession)
    session.alive = False
    pool.release(session)
    second = await pool.acquire()
    assert second is not session
    pool.release(second)
    assert isinstance(second, FakeSession)
    second.alive = False
    assert pool.acquire_nowait() is None
    assert await pool.acquire() is pools.opened[2]
    await asyncio.sleep(0)
    assert [opened.closed for opened in pools.opened] == [True, True, False]
    assert pool.size == pools.budget.open == 1


async def test_a_session_idle_for_long_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """S21: a connection that was idle for long is checked before it is lent; one that does not answer is replaced.

    deviation: instead of a query every minute, a connection is checked when it is lent out after a while of idling.
    """
    monkeypatch.setattr(pool_module, "TRUSTED_IDLE_SECONDS", -1.0)
    pools = Pools()
    pool = pools.pool()
    session = await pool.acquire()
    pool.release(session)

    assert pool.acquire_nowait() is None
    assert await pool.acquire() is session
    assert pools.opened[0].checks == 1
    pools.opened[0].answers = False
    pool.release(session)
    assert await pool.acquire() is pools.opened[1]
    assert pool.size == 1


async def test_idle_sessions_are_closed_down_to_the_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """S18: what stays idle is closed after a while, except as many as the pool's minimum."""
    monkeypatch.setattr(pool_module, "IDLE_SECONDS", 0.01)
    pools = Pools()
    pool, keeping = pools.pool(), pools.pool(minimum=1)
    for each in (pool, keeping):
        sessions = [await each.acquire() for _ in range(3)]
        for session in sessions:
            each.release(session)

    await asyncio.sleep(0.1)
    assert (pool.size, keeping.size) == (0, 1)
    assert sum(session.closed for session in pools.opened) == 5


async def test_an_opening_that_fails_frees_its_place() -> None:
    """A connection that cannot be opened does not count, and the next one who waits gets the chance."""
    pools = Pools(limit=1)
    pool = pools.pool(1)
    pools.failing = True
    with pytest.raises(OSError, match="no server"):
        await pool.acquire()
    results = await asyncio.gather(*(elsewhere(pool) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [OSError] * 3
    pools.failing = False
    assert await pool.acquire() is pools.opened[0]
    assert pool.size == pools.budget.open == 1


async def test_pools_share_their_servers_limit() -> None:
    """Pools on one server never hold more connections together than allowed; idle ones make room for others."""
    pools = Pools(limit=2)
    first, second = pools.pool(), pools.pool()
    one, two = await elsewhere(first), await elsewhere(first)
    first.release(one)
    third = await elsewhere(second)

    assert isinstance(one, FakeSession)
    await asyncio.sleep(0)
    assert one.closed
    assert pools.budget.open == 2
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(0)
    first.release(two)
    fourth = await waiting
    assert (first.size, second.size, pools.budget.open) == (0, 2, 2)
    assert {third, fourth} == set(pools.opened[2:])


async def test_a_pool_serves_its_own_first_but_lets_none_starve() -> None:
    """A connection stays in its pool while that is fair; a pool that waited long gets its place."""
    pools = Pools(limit=1)
    busy, quiet = pools.pool(), pools.pool()
    session = await elsewhere(busy)
    quiet_one = asyncio.create_task(quiet.acquire())
    await asyncio.sleep(0)
    busy_ones = [asyncio.create_task(busy.acquire()) for _ in range(2)]
    await asyncio.sleep(0)

    busy.release(session)
    assert await busy_ones[0] is session
    assert not quiet_one.done()
    await asyncio.sleep(STARVING_SECONDS)
    busy.release(session)
    other = await quiet_one
    assert other is not session
    quiet.release(other)
    assert await busy_ones[1] is pools.opened[2]
    assert pools.budget.open == 1


async def test_a_cancelled_waiter_passes_on_what_it_was_given() -> None:
    """Cancelling somebody in the moment in which they are served loses neither session nor place."""
    pools = Pools(limit=1)
    pool, other = pools.pool(1), pools.pool(1)
    session = await elsewhere(pool)
    first, second = asyncio.create_task(pool.acquire()), asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    pool.release(session)
    first.cancel()
    assert await second is session

    third, fourth = asyncio.create_task(other.acquire()), asyncio.create_task(other.acquire())
    await asyncio.sleep(0)
    pool.release(session)
    third.cancel()
    assert await fourth is pools.opened[-1]
    assert (pool.size, other.size, pools.budget.open) == (0, 1, 1)


async def test_many_tasks_with_cancellations_leave_the_pools_whole() -> None:
    """Whatever is cancelled when, the limits hold throughout and everything comes back."""
    pools = Pools(limit=3)
    shared = [pools.pool(2, seconds=2) for _ in range(4)]

    async def work(number: int) -> None:
        pool = shared[number % 4]
        session = pool.acquire_nowait() or await pool.acquire()
        try:
            assert pools.budget.open <= 3
            assert pool.size <= 2
            await asyncio.sleep(0.0005 * (number % 3))
        finally:
            pool.release(session)

    tasks = [asyncio.create_task(work(number)) for number in range(200)]
    for turn, task in enumerate(tasks):
        if turn % 3 == 0:
            await asyncio.sleep(0)
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    assert results.count(None) >= 133
    assert pools.budget.open == sum(pool.size for pool in shared) <= 3
    for pool in shared:
        await pool.close()
    assert pools.budget.open == 0
    assert all(session.closed for session in pools.opened)


async def test_closing_waits_for_what_is_lent() -> None:
    """Closing a pool refuses new work, turns waiters away and waits for sessions in use."""
    pools = Pools()
    pool = pools.pool(1)
    session = await elsewhere(pool)
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0.01)
    with pytest.raises(ServiceUnavailableError, match="the backend stops"):
        await waiting
    assert not closing.done()
    pool.release(session)
    await closing
    assert pools.opened[0].closed
    with pytest.raises(ServiceUnavailableError, match="the backend stops"):
        await pool.acquire()


async def test_closing_gives_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that never comes back is closed under its user after some seconds."""
    monkeypatch.setattr(pool_module, "CLOSE_SECONDS", 0.02)
    pools = Pools()
    pool = pools.pool()
    await elsewhere(pool)
    await pool.close()

    assert pools.opened[0].closed

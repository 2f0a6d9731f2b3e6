import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.recording_logger import RecordingLogger
from tests.support.waiting import until

from understage.defaults.scheduler.memory_store import MemoryTaskStore
from understage.defaults.scheduler.store_clock import StoreClock
from understage.plugin_api import Cron

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(wall_clock: Any) -> MemoryTaskStore:
    return MemoryTaskStore(wall_clock)


async def next_start(store: MemoryTaskStore) -> datetime:
    [state] = await store.read()
    assert state.next_start is not None
    return state.next_start


async def test_clock_set_back(
    store: MemoryTaskStore, wall_clock: Any, replica: Any, work: Any, logger: RecordingLogger
) -> None:
    """S44: when the clock is set back by a day, a task on an interval runs after its interval, not after the day."""
    task = work()
    await replica(store).schedule_task(id="a", frequency=timedelta(seconds=0.5), timeout=MINUTE, fn=task)
    await until(lambda: task.ended >= 1)
    wall_clock.offset -= timedelta(days=1)
    before = task.ended
    await until(lambda: task.ended >= before + 2)
    assert logger.messages("warning") == ["The clock was set back, so tasks are planned anew"]


async def test_clock_set_back_keeps_delays(store: MemoryTaskStore, wall_clock: Any, replica: Any, work: Any) -> None:
    """S43: after the clock was set back, an initial delay is neither lost in the future nor cut short."""
    scheduler = replica(store)
    await scheduler.schedule_task(id="a", frequency=MINUTE, timeout=MINUTE, fn=work(), initial_delay=HOUR)
    wall_clock.offset -= timedelta(days=1)

    async def planned_anew() -> bool:
        return bool(await next_start(store) < wall_clock() + 2 * HOUR)

    await until(planned_anew)
    assert await next_start(store) > wall_clock() + HOUR - MINUTE
    assert await store.trigger("a") is None


async def test_crontab_line_after_a_jump(store: MemoryTaskStore, wall_clock: Any, replica: Any, work: Any) -> None:
    """S44: when the clock jumps past a tick, the task runs once."""
    task = work()
    await replica(store).schedule_task(id="a", frequency=Cron("0 0 * * *"), timeout=MINUTE, fn=task)
    await asyncio.sleep(0.1)
    assert task.begun == 0
    wall_clock.offset += timedelta(days=3)
    await until(lambda: task.ended == 1)
    await asyncio.sleep(0.4)
    assert task.begun == 1
    assert await next_start(store) > wall_clock()


async def test_jump_ahead_takes_no_living_claim(
    store: MemoryTaskStore, wall_clock: Any, replica: Any, work: Any
) -> None:
    """S42, S50: when the clock jumps ahead, replicas leave claims of others that look expired, and renew their own."""
    task = work(hold=True)
    for _ in range(3):
        await replica(store).schedule_task(id="a", frequency=HOUR, timeout=MINUTE, fn=task)
    await until(lambda: task.begun == 1)
    wall_clock.offset += timedelta(days=1)

    async def renewed() -> bool:
        [state] = await store.read()
        return state.expires_at is not None and state.expires_at > wall_clock()

    await until(renewed)
    await asyncio.sleep(0.7)
    assert (task.begun, task.cancelled) == (1, 0)
    task.gate.set()


class Monotonic:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    slow=st.lists(st.tuples(st.floats(0, 60), st.floats(0, 30), st.floats(0, 1)), min_size=2, max_size=6),
    jump=st.floats(-1e6, 1e6),
)
def test_slow_answers_are_no_jumps(slow: list[tuple[float, float, float]], jump: float) -> None:
    """S42: however slow the store answers, its clock seems to jump only if it did, and then in the right direction."""
    own = Monotonic()
    clock = StoreClock(own)
    ahead = 0.0
    for number, (pause, took, share) in enumerate(slow):
        own.now += pause
        last = number == len(slow) - 1
        ahead += jump if last else 0.0
        shown = NOON + timedelta(seconds=own.now + took * share + ahead)
        asked_at = own.now
        own.now += took
        seen = clock.set(shown, asked_at).total_seconds()
        assert clock.now() <= shown + timedelta(seconds=took)
        if not last or abs(jump) <= 1.9:
            assert seen == 0
        elif abs(jump) > 70:
            assert seen * jump > 0

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.recording_logger import RecordingLogger

from understage.defaults.scheduler.database_store import DatabaseTaskStore
from understage.defaults.scheduler.memory_store import MemoryTaskStore
from understage.defaults.scheduler.scheduler import DefaultScheduler
from understage.defaults.scheduler.store import TaskStore
from understage.plugin_api import AbortSignal
from understage.testing.databases import TestDatabases

STORES = ["memory", "SQLITE", "POSTGRES"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class SetClock:
    """A clock that can be set."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


@pytest.fixture
def wall_clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, wall_clock: SetClock) -> AsyncIterator[TaskStore]:
    """Each kind of store; the test runs once for each."""
    if request.param == "memory":
        yield MemoryTaskStore(wall_clock)
        return
    databases = TestDatabases.create()
    if not await asyncio.to_thread(databases.supports, request.param):
        pytest.skip("no Postgres answers; name one in UNDERSTAGE_TEST_POSTGRES_URL")
    yield DatabaseTaskStore(await databases.init(request.param))
    await databases.close()


@pytest.fixture
async def replica(logger: RecordingLogger) -> AsyncIterator[Callable[..., DefaultScheduler]]:
    """Makes started schedulers on a store, and stops them."""
    async with AsyncExitStack() as stack:

        def make(store: TaskStore, *, start: bool = True) -> DefaultScheduler:
            scheduler = DefaultScheduler(store, MemoryTaskStore(), logger)
            stack.push_async_callback(scheduler.stop)
            if start:
                scheduler.start()
            return scheduler

        yield make


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is noticed every five seconds is noticed sooner."""
    monkeypatch.setattr("understage.defaults.scheduler.engine.POLL_SECONDS", 0.3)


class Work:
    """A task's function that tells what happens to it, and ends when it is let."""

    def __init__(self, *, error: Exception | None = None, hold: bool = False) -> None:
        self.begun = 0
        self.ended = 0
        self.cancelled = 0
        self.most = 0
        self.reason: str | None = None
        self._error = error
        self.gate = asyncio.Event()
        if not hold:
            self.gate.set()

    async def __call__(self, signal: AbortSignal) -> None:
        self.begun += 1
        self.most = max(self.most, self.begun - self.ended)
        try:
            await self.gate.wait()
            if self._error is not None:
                raise self._error
        except asyncio.CancelledError:
            self.cancelled += 1
            assert signal.aborted
            self.reason = signal.reason
            raise
        finally:
            self.ended += 1


@pytest.fixture
def work() -> type[Work]:
    return Work

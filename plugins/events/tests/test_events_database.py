import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from understage.errors import NotFoundError
from understage.events.cleaning import KEEP, KEEP_AT_MOST, Cleaning
from understage.events.database import EventsDatabase, NewEvent, Reading, read_topics
from understage.events.service import EventBus
from understage.events.waiting import Waiter, Waiters
from understage.plugin_api import DatabaseService
from understage.testing import mock_services


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def tables(database: DatabaseService, clock: Clock) -> EventsDatabase:
    tables = EventsDatabase(database, clock)
    await tables.migrate()
    return tables


def event(topic: str, payload: object, *notified: str) -> NewEvent:
    return NewEvent(topic, json.dumps(payload), notified, "plugin:test")


async def read(tables: EventsDatabase, name: str) -> list[object]:
    reading = await tables.read(name)
    assert isinstance(reading, Reading)
    return [json.loads(found.payload) for found in reading.events]


async def test_events_are_stored_for_those_who_need_them(tables: EventsDatabase) -> None:
    """E2, E3, E9: of several events those are stored that a subscription needs, and each reads its own, in order."""
    await tables.subscribe("a", ["t"], "plugin:x")
    await tables.subscribe("b", ["t", "u"], "plugin:x")
    stored = await tables.publish(
        [event("t", 1), event("v", 2), event("u", 3), event("t", 4, "a", "b"), event("t", 5, "b"), event("u", 6, "b")]
    )
    assert stored == [True, False, True, False, True, False]
    assert (await read(tables, "a"), await read(tables, "b")) == ([1, 5], [1, 3])
    assert (await read(tables, "a"), await read(tables, "b")) == ([], [])
    assert await tables.read("nobody") is None


async def test_replicas_share_a_subscription(tables: EventsDatabase) -> None:
    """E3, E9: of many who read a subscription at once, each event reaches exactly one."""
    await tables.subscribe("a", ["t"], "plugin:x")
    await asyncio.gather(*(tables.publish([event("t", number)]) for number in range(60)))
    readings = await asyncio.gather(*(read(tables, "a") for _ in range(12)))
    seen = [payload for reading in readings for payload in reading]
    assert sorted(seen, key=str) == sorted(range(60), key=str)
    assert [len(reading) for reading in readings].count(10) == 6


async def test_nothing_is_passed_over(tables: EventsDatabase) -> None:
    """E9: with writers and readers at work at the same time, every event arrives, and each writer's in order."""
    await tables.subscribe("a", ["t"], "plugin:x")
    await tables.subscribe("b", ["t", "other"], "plugin:x")

    async def write(writer: int) -> None:
        for number in range(15):
            await tables.publish([event("t", [writer, number]), event("other", None, "b")])

    async def collect(name: str) -> list[list[int]]:
        seen: list[list[int]] = []
        while len(seen) < 60:
            seen += await read(tables, name)  # type: ignore[arg-type]
            await asyncio.sleep(0)
        return seen

    async with asyncio.timeout(20):
        *_, a, b = await asyncio.gather(*(write(writer) for writer in range(4)), collect("a"), collect("b"))
    for seen in (a, b):
        assert seen is not None
        for writer in range(4):
            assert [number for by, number in seen if by == writer] == list(range(15))


async def test_subscriptions_survive(tables: EventsDatabase, database: DatabaseService, clock: Clock) -> None:
    """E9: a subscription whose reader was away finds what was published meanwhile."""
    await tables.subscribe("a", ["t"], "plugin:x")
    await tables.publish([event("t", 1)])
    again = EventsDatabase(database, clock)
    await again.migrate()
    await again.subscribe("a", ["t"], "plugin:x")
    assert await read(again, "a") == [1]


async def test_old_events_are_deleted(tables: EventsDatabase, clock: Clock) -> None:
    """E10: young events stay, old ones go, and of those between the newest stay; a place in the order is not lost."""
    await tables.subscribe("a", ["t"], "plugin:x")
    start = clock.now
    await tables.publish([event("t", "old")])
    clock.now = start + KEEP_AT_MOST - KEEP * 2
    await tables.publish([event("t", number) for number in range(5)])
    clock.now = start + KEEP_AT_MOST
    await tables.subscribe("a", ["t"], "plugin:x")
    await tables.publish([event("t", "young")])
    assert await tables.clean(keep=KEEP, keep_at_most=KEEP_AT_MOST, count=100) == 0
    clock.now += timedelta(seconds=1)
    assert await tables.clean(keep=KEEP, keep_at_most=KEEP_AT_MOST, count=100) == 1
    assert await tables.clean(keep=KEEP, keep_at_most=KEEP_AT_MOST, count=3) == 3
    assert await read(tables, "a") == [3, 4, "young"]
    clock.now += KEEP_AT_MOST + KEEP
    await tables.subscribe("a", ["t"], "plugin:x")
    await tables.clean(keep=KEEP, keep_at_most=KEEP_AT_MOST, count=3)
    assert await read(tables, "a") == []
    await tables.publish([event("t", "next")])
    assert await read(tables, "a") == ["next"]


async def test_subscriptions_that_nobody_uses_are_deleted(tables: EventsDatabase, clock: Clock) -> None:
    """E10: a subscription that has not been read for a day goes; reading keeps it."""
    await tables.subscribe("used", ["t"], "plugin:x")
    await tables.subscribe("unused", ["t"], "plugin:x")
    clock.now += timedelta(hours=13)
    await read(tables, "used")
    clock.now += timedelta(hours=13)
    await tables.clean(keep=KEEP, keep_at_most=KEEP_AT_MOST, count=3)
    assert await read(tables, "used") == []
    assert await tables.read("unused") is None


async def test_cleaning_runs_now_and_then(tables: EventsDatabase, clock: Clock) -> None:
    """E10: old events are deleted while the plugin runs, and a failure does not end that."""
    logger = mock_services.logger.mock()
    await tables.subscribe("a", ["t"], "plugin:x")
    await tables.publish([event("t", 1)])
    clock.now += KEEP_AT_MOST * 2
    clean, calls, done = tables.clean, 0, asyncio.Event()

    async def failing_first(*, keep: timedelta, keep_at_most: timedelta, count: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("away")
        deleted = await clean(keep=keep, keep_at_most=keep_at_most, count=count)
        done.set()
        return deleted

    tables.clean = failing_first  # type: ignore[method-assign]
    cleaning = Cleaning(tables, logger, every_seconds=0.01)
    cleaning.start()
    await asyncio.wait_for(done.wait(), 5)
    await cleaning.stop()
    assert logger.warning.call_args.args == ("Old events could not be deleted",)
    assert await tables.read("a") is None


async def test_waiters_are_woken_by_their_topics(tables: EventsDatabase) -> None:
    """E4, E9: what any replica stores wakes those who wait for one of the topics, and nobody else."""
    waiters = Waiters()
    await waiters.start(tables, mock_services.logger())
    bus = EventBus(tables, waiters)
    await bus.subscribe("a", ["t"], "plugin:x")
    await bus.subscribe("b", ["u"], "plugin:x")
    for_t, for_u = await bus.read("a"), await bus.read("b")
    assert isinstance(for_t, Waiter)
    assert isinstance(for_u, Waiter)
    waiting = asyncio.create_task(for_t.wait(30)), asyncio.create_task(for_u.wait(30))
    # Stored past this replica's bus, as another replica would.
    await tables.publish([event("t", 1)])
    done, _ = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert done == {waiting[0]}
    await waiters.stop()
    await asyncio.wait_for(waiting[1], 5)
    with pytest.raises(Exception, match="shutting down"):
        await bus.read("a")


async def test_reading_an_unknown_subscription(tables: EventsDatabase) -> None:
    """E3: an unknown subscription is told by its name."""
    with pytest.raises(NotFoundError, match="Subscription with ID 'nope' not found"):
        await EventBus(tables, Waiters()).read("nope")


async def test_events_are_stored_together(tables: EventsDatabase) -> None:
    """E9: events published at the same time are stored in few transactions, and each publisher learns its result."""
    bus = EventBus(tables, Waiters())
    await bus.subscribe("a", ["t"], "plugin:x")
    publish, batches = tables.publish, list[int]()

    async def counted(events: list[NewEvent]) -> list[bool]:
        batches.append(len(events))
        return await publish(events)

    tables.publish = counted  # type: ignore[method-assign, assignment]
    results = await asyncio.gather(*(bus.publish(event("t" if n % 2 else "u", n)) for n in range(100)))
    assert results == [n % 2 == 1 for n in range(100)]
    assert len(batches) < 5


async def test_a_failure_reaches_every_publisher(tables: EventsDatabase) -> None:
    """E9: when a transaction fails, all whose events were in it are told, and the next one works."""
    bus = EventBus(tables, Waiters())
    await bus.subscribe("a", ["t"], "plugin:x")
    publish = tables.publish

    async def fail(_events: object) -> list[bool]:
        raise OSError("away")

    tables.publish = fail  # type: ignore[method-assign, assignment]
    results = await asyncio.gather(*(bus.publish(event("t", n)) for n in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["away"] * 3
    tables.publish = publish  # type: ignore[method-assign]
    assert await bus.publish(event("t", 1))


async def test_notifications_name_topics(tables: EventsDatabase, database: DatabaseService) -> None:
    """E9: a notification names the topics, or none if there are too many for it."""
    topics = [f"topic-{number:05}" for number in range(1000)]
    await tables.subscribe("a", topics, "plugin:x")
    async with tables.listen() as notifications:
        await tables.publish([event("topic-00001", 1), event("topic-00000", 1)])
        assert read_topics(await anext(notifications)) == ["topic-00000", "topic-00001"]
        await tables.publish([event(topic, 1) for topic in topics])
        assert read_topics(await anext(notifications)) is None


async def test_readers_gather_events(tables: EventsDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: a reader who has just got few events waits a moment, and gets the next ones together."""
    monkeypatch.setattr("understage.events.service.GATHERING_SECONDS", 0.5)
    bus = EventBus(tables, Waiters())
    await bus.subscribe("a", ["t"], "plugin:x")
    await bus.publish(event("t", 1))
    first = await bus.read("a")
    assert not isinstance(first, Waiter)
    assert len(first) == 1
    reading = asyncio.create_task(bus.read("a"))
    await bus.publish(event("t", 2))
    await bus.publish(event("t", 3))
    second = await reading
    assert not isinstance(second, Waiter)
    assert [json.loads(found.payload) for found in second] == [2, 3]

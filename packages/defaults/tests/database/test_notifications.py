import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from understage.defaults.database import channels as channels_module
from understage.defaults.database.channels import Channels, Subscription
from understage.errors import InputError, ServiceUnavailableError
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases


async def received(listener: AsyncIterator[str], count: int) -> list[str]:
    async with asyncio.timeout(5):
        return [await anext(listener) for _ in range(count)]


async def test_every_listener_of_a_channel_receives(database: DatabaseService) -> None:
    """All listeners of a channel receive what is notified after they began, others do not."""
    async with database.listen("a") as one, database.listen("a") as two, database.listen("b") as other:
        await database.notify("a", "first")
        await database.notify("b")
        await database.notify("a", "second; 'quoted' \"é\"")
        assert await received(one, 2) == await received(two, 2) == ["first", "second; 'quoted' \"é\""]
        assert await received(other, 1) == [""]
    async with database.listen("a") as late:
        await database.notify("a", "third")
        assert await received(late, 1) == ["third"]


async def test_listening_ends_with_its_block(database: DatabaseService) -> None:
    """A listener that has gone is no longer served, and others of its channel still are."""
    async with database.listen("a") as staying:
        async with database.listen("a") as leaving, database.listen("b"):
            pass
        await database.notify("a", "x")
        assert await received(staying, 1) == ["x"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(leaving)


@pytest.mark.parametrize(("channel", "payload"), [("", "x"), ("c" * 64, "x"), ("c", "é" * 4000)])
async def test_limits_are_those_of_postgres(database: DatabaseService, channel: str, payload: str) -> None:
    """Names and payloads that Postgres would refuse are refused in both dialects."""
    with pytest.raises(InputError, match="bytes"):
        await database.notify(channel, payload)
    async with database.transaction() as transaction:
        with pytest.raises(InputError, match="bytes"):
            await transaction.notify(channel, payload)
    await database.notify("c" * 50, "é" * 3950)


async def test_replicas_hear_each_other_on_postgres(test_databases: TestDatabases, postgres: str) -> None:
    """A notification reaches listeners on other connections, and plugins in one database have channels of their own."""
    database = await test_databases.init("POSTGRES")
    async with database.listen("events") as events:
        await database.execute("SELECT pg_notify('other:events', 'foreign')")
        await database.execute("SELECT pg_notify('test:events', 'from a replica')")
        assert await received(events, 1) == ["from a replica"]


async def test_a_lost_listener_comes_back(test_databases: TestDatabases, postgres: str) -> None:
    """S21: a listening connection that breaks is replaced; an empty payload says that something may have been missed.

    deviation: instead of a query every minute, broken connections are replaced.
    """
    database = await test_databases.init("POSTGRES")
    async with database.listen("a") as one, database.listen("b") as two:
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE 'LISTEN%'"
        )
        assert await received(one, 1) == await received(two, 1) == [""]
        await database.notify("a", "again")
        await database.notify("b", "again")
        assert await received(one, 1) == await received(two, 1) == ["again"]


async def test_listening_begins_again_after_an_outage(test_databases: TestDatabases, postgres: str) -> None:
    """S21: while no connection can be opened, new listeners are refused and old ones wait; afterwards all are served.

    deviation: instead of a query every minute, broken connections are replaced.
    """
    database = await test_databases.init("POSTGRES")
    listener = database._listener  # type: ignore[attr-defined]
    connect, failures, failed = listener._connect, 0, asyncio.Event()

    async def failing() -> Any:
        nonlocal failures
        failures += 1
        if failures == 3:
            failed.set()
        raise ServiceUnavailableError("no server")

    async with database.listen("a") as old:
        listener._connect = failing
        listener._connection.terminate()
        with pytest.raises(ServiceUnavailableError, match="no server"):
            async with database.listen("b"):
                pass
        await failed.wait()
        listener._connect = connect
        async with database.listen("b") as new:
            await database.notify("b", "new")
            assert await received(new, 1) == ["new"]
            assert await received(old, 1) == [""]
            await database.notify("a", "old")
            assert await received(old, 1) == ["old"]


async def test_listeners_that_come_and_go_at_once(database: DatabaseService) -> None:
    """Listeners may come and go in any order, also cancelled ones, and the one who stays misses nothing."""

    async def briefly(number: int) -> None:
        async with database.listen(f"c{number % 3}"):
            await asyncio.sleep(0.001 * (number % 5))

    async with database.listen("c0") as staying:
        visitors = [asyncio.create_task(briefly(number)) for number in range(30)]
        for number in range(30):
            await database.notify("c0", str(number))
            if number % 4 == 0:
                visitors[number].cancel()
        await asyncio.gather(*visitors, return_exceptions=True)
        await database.notify("c0", "last")
        assert await received(staying, 31) == [*map(str, range(30)), "last"]
    async with database.listen("c0") as again:
        await database.notify("c0", "again")
        assert await received(again, 1) == ["again"]


async def test_a_slow_listener_is_told_that_it_missed_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that overflows is replaced by one empty payload, so that memory stays bounded."""
    monkeypatch.setattr(channels_module, "QUEUE_LENGTH", 3)
    subscription = Subscription()
    for number in range(4):
        subscription.put(str(number))
    subscription.put("later")

    assert await received(subscription, 2) == ["", "later"]


async def test_channels_without_listeners() -> None:
    """Notifying nobody is no error."""
    channels = Channels()
    channels.publish("a", "x")
    async with channels.listen("a") as listener:
        channels.publish("a", "y")
        assert await received(listener, 1) == ["y"]

# ruff: noqa: PT012 - how blocks of several statements end is what is tested here
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from understage.defaults.database.errors import TransactionError
from understage.defaults.database.manager import DatabaseManager
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases

ManagerMaker = Callable[[dict[str, Any]], DatabaseManager]


@pytest.fixture
async def numbers(database: DatabaseService) -> DatabaseService:
    await database.execute("CREATE TABLE numbers (n integer PRIMARY KEY)")
    return database


async def stored(database: DatabaseService) -> list[int]:
    return [row[0] for row in await database.fetch("SELECT n FROM numbers ORDER BY n")]


INSERT = "INSERT INTO numbers VALUES ($1)"
SLOW = {
    "postgres": "SELECT pg_sleep(30)",
    "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c",
}


async def test_a_block_commits_at_its_end(numbers: DatabaseService) -> None:
    """What a transaction wrote is there once its block has ended."""
    async with numbers.transaction() as transaction:
        assert transaction.dialect == numbers.dialect
        await transaction.execute(INSERT, 1)
        await transaction.execute_many(INSERT, [(2,), (3,)])
        await transaction.copy("numbers", ["n"], [(4,)])
        assert await transaction.fetch_row("SELECT count(*) FROM numbers") == (4,)

    assert await stored(numbers) == [1, 2, 3, 4]


async def test_a_block_that_raises_rolls_back(numbers: DatabaseService) -> None:
    """Any error that leaves the block undoes all of it, and reaches the caller as it is."""
    with pytest.raises(KeyError):
        async with numbers.transaction() as transaction:
            await transaction.execute(INSERT, 1)
            raise KeyError

    assert await stored(numbers) == []


async def test_nested_transactions_roll_back_alone(numbers: DatabaseService) -> None:
    """A nested block that raises undoes what it did, nested blocks within it included, and nothing else."""
    async with numbers.transaction() as outer:
        await outer.execute(INSERT, 1)
        with pytest.raises(KeyError):
            async with outer.transaction() as inner:
                await inner.execute(INSERT, 2)
                async with inner.transaction() as innermost:
                    await innermost.execute(INSERT, 3)
                raise KeyError
        async with outer.transaction() as inner:
            await inner.execute(INSERT, 4)

    assert await stored(numbers) == [1, 4]


async def test_a_nested_block_heals_a_failed_statement(numbers: DatabaseService) -> None:
    """A statement that may fail goes into a nested block, after which the outer one can go on."""
    async with numbers.transaction() as outer:
        await outer.execute(INSERT, 1)
        with pytest.raises(Exception, match=r"(?i)unique"):
            async with outer.transaction() as inner:
                await inner.execute(INSERT, 1)
        await outer.execute(INSERT, 2)

    assert await stored(numbers) == [1, 2]


async def test_a_failed_statement_spoils_its_transaction(numbers: DatabaseService) -> None:
    """A swallowed error of a statement loses the transaction loudly, in both dialects, also at its end."""
    with pytest.raises(TransactionError, match="a statement of this transaction failed"):
        async with numbers.transaction() as transaction:
            await transaction.execute(INSERT, 1)
            with pytest.raises(Exception, match=r"(?i)unique"):
                await transaction.execute(INSERT, 1)
            with pytest.raises(TransactionError, match="nested transaction"):
                await transaction.execute(INSERT, 2)

    assert await stored(numbers) == []


async def test_a_swallowed_error_spoils_the_nested_block_only(numbers: DatabaseService) -> None:
    """A nested block that swallowed a failure raises at its end and is undone; the outer one goes on."""
    async with numbers.transaction() as outer:
        with pytest.raises(TransactionError):
            async with outer.transaction() as inner:
                await inner.execute(INSERT, 1)
                with pytest.raises(Exception, match=r"(?i)unique"):
                    await inner.execute(INSERT, 1)
        await outer.execute(INSERT, 2)

    assert await stored(numbers) == [2]


async def test_a_connection_ends_with_its_block(numbers: DatabaseService) -> None:
    """After its block a transaction's connection refuses to work, so nothing slips into somebody else's."""
    async with numbers.transaction() as outer:
        async with outer.transaction() as inner:
            pass
        with pytest.raises(TransactionError, match="has ended"):
            await inner.execute(INSERT, 1)
    with pytest.raises(TransactionError, match="has ended"):
        await outer.execute(INSERT, 1)
    with pytest.raises(TransactionError, match="has ended"):
        await outer.notify("channel")


async def test_a_transaction_is_entered_once(numbers: DatabaseService) -> None:
    """The same transaction cannot be entered twice."""
    scope = numbers.transaction()
    async with scope:
        pass
    with pytest.raises(TransactionError, match="entered once"):
        async with scope:
            pass


async def test_a_cancelled_block_rolls_back(numbers: DatabaseService) -> None:
    """Cancelling a task in the middle of a transaction's statement undoes it and leaves the connection usable."""
    started = asyncio.Event()

    async def work() -> None:
        async with numbers.transaction() as transaction:
            await transaction.execute(INSERT, 1)
            started.set()
            await transaction.fetch(SLOW[numbers.dialect])

    task = asyncio.create_task(work())
    await started.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        assert await stored(numbers) == []
        async with numbers.transaction() as transaction:
            await transaction.execute(INSERT, 2)
    assert await stored(numbers) == [2]


async def test_a_timeout_within_an_anyio_scope_rolls_back(numbers: DatabaseService) -> None:
    """A cancel scope that cancels again and again, as anyio's do, still leaves no transaction open."""
    with anyio.move_on_after(0.1) as scope:
        async with numbers.transaction() as transaction:
            await transaction.execute(INSERT, 1)
            await anyio.sleep(10)

    assert scope.cancelled_caught
    async with asyncio.timeout(5):
        await numbers.execute(INSERT, 1)
    assert await stored(numbers) == [1]


async def test_a_cancelled_commit_leaves_no_transaction_open(numbers: DatabaseService) -> None:
    """Cancelling at any moment of a transaction either keeps all of it or nothing, and the pool stays whole."""
    for number in range(40):

        async def work(number: int = number) -> None:
            async with numbers.transaction() as transaction:
                await transaction.execute(INSERT, number * 2)
                await transaction.execute(INSERT, number * 2 + 1)

        task = asyncio.create_task(work())
        for _ in range(number // 2):
            await asyncio.sleep(0)
        if number % 2:
            await asyncio.sleep(0.0001 * number)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(10):
        kept = await stored(numbers)
        assert all(number + 1 in kept for number in kept if number % 2 == 0)
        assert all(number - 1 in kept for number in kept if number % 2 == 1)
        async with numbers.transaction() as transaction:
            await transaction.execute(INSERT, 1000)


async def test_a_cancelled_statement_stops_working(numbers: DatabaseService) -> None:
    """Cancelling a slow query stops it, so that the connection is free for the next one."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await numbers.fetch(SLOW[numbers.dialect])
    async with asyncio.timeout(5):
        assert await stored(numbers) == []


async def test_transactions_do_not_see_each_other(numbers: DatabaseService) -> None:
    """Many tasks that read and write in transactions at once lose no update."""
    await numbers.execute("CREATE TABLE counter (value integer NOT NULL)")
    await numbers.execute("INSERT INTO counter VALUES (0)")

    async def increment() -> None:
        async with numbers.transaction() as transaction:
            lock = " FOR UPDATE" if numbers.dialect == "postgres" else ""
            row = await transaction.fetch_row(f"SELECT value FROM counter{lock}")
            assert row is not None
            await asyncio.sleep(0)
            await transaction.execute("UPDATE counter SET value = $1", row[0] + 1)

    await asyncio.gather(*(increment() for _ in range(25)))
    assert await numbers.fetch_row("SELECT value FROM counter") == (25,)


async def test_notifications_are_sent_with_the_commit(numbers: DatabaseService) -> None:
    """A notification within a transaction arrives when it commits, and never when it, or its nested block, does not."""
    async with numbers.listen("changes") as changes:
        with pytest.raises(KeyError):
            async with numbers.transaction() as transaction:
                await transaction.notify("changes", "rolled back")
                raise KeyError
        async with numbers.transaction() as outer:
            await outer.notify("changes", "first")
            with pytest.raises(KeyError):
                async with outer.transaction() as inner:
                    await inner.notify("changes", "undone")
                    raise KeyError
            async with outer.transaction() as inner:
                await inner.notify("changes", "second")
        async with asyncio.timeout(5):
            assert [await anext(changes), await anext(changes)] == ["first", "second"]


async def test_waiting_for_oneself_is_an_error_at_once(test_databases: TestDatabases) -> None:
    """A statement beside one's own transaction, which would wait for ever on SQLite, is told what to do."""
    sqlite = await test_databases.init("SQLITE")
    async with sqlite.transaction():
        with pytest.raises(TransactionError, match="on the connection that the transaction gave"):
            await sqlite.fetch("SELECT 1")


async def test_readers_of_a_file_do_not_wait_for_a_transaction(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """On a SQLite file, queries see the committed state while a transaction is open; other writers wait for it."""
    database = make_manager({"client": "better-sqlite3", "connection": {"directory": str(tmp_path)}}).for_plugin("a")
    await database.execute("CREATE TABLE numbers (n integer PRIMARY KEY)")
    async with database.transaction() as transaction:
        await transaction.execute(INSERT, 1)
        assert await stored(database) == []
        writing = asyncio.create_task(database.execute(INSERT, 2))
        await asyncio.sleep(0.02)
        assert not writing.done()
    assert await writing == 1
    assert await stored(database) == [1, 2]

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from understage.defaults.database.manager import DatabaseManager
from understage.plugin_api import DatabaseService
from understage.testing.blocking import detect_blocking_calls_of
from understage.testing.databases import TestDatabases, postgres_url

ManagerMaker = Callable[[dict[str, Any]], DatabaseManager]


async def use(database: DatabaseService) -> None:
    await database.migrate("pkg_blocking")
    await database.execute_many("INSERT INTO a VALUES ($1)", [(1,), (2,)])
    async with database.transaction() as transaction:
        await transaction.copy("a", ["n"], [(3,)])
    await asyncio.gather(*(database.fetch("SELECT n FROM a") for _ in range(8)))
    async with (await database.engine()).connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM a"))).scalar() == 3
    async with database.listen("x") as listener:
        await database.notify("x", "y")
        assert await anext(listener) == "y"


async def test_nothing_blocks_the_loop(
    make_manager: ManagerMaker,
    tmp_path: Path,
    migration_package: Callable[..., Path],
    test_databases: TestDatabases,
    postgres: str,
) -> None:
    """From the first connection to the last statement, no file or socket is waited for on the event loop."""
    migration_package("pkg_blocking", **{"1_first": "CREATE TABLE a (n integer)"})
    name = (await (await test_databases.init("POSTGRES")).fetch("SELECT current_database()"))[0][0]
    # Without a password, the driver looks for ~/.pgpass itself.
    own = {"database": name, "password": "unused", "ssl": False}
    with detect_blocking_calls_of(["understage"]):
        for data in (
            {"client": "better-sqlite3", "connection": {"directory": str(tmp_path / "data")}},
            {"client": "better-sqlite3", "connection": ":memory:"},
            {"client": "pg", "connection": postgres_url(), "plugin": {"a": {"connection": own}}},
        ):
            manager = make_manager(data)
            await use(manager.for_plugin("a"))
            await manager.close()

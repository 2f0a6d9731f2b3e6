import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from understage.defaults.database.manager import DatabaseManager
from understage.errors import UnsupportedOperationError
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases

ManagerMaker = Callable[[dict[str, Any]], DatabaseManager]


async def test_the_engine_is_on_the_same_database(database: DatabaseService) -> None:
    """SQLAlchemy sees what statements wrote, and the other way round; the engine is the same each time."""
    await database.execute("CREATE TABLE t (n integer)")
    await database.execute("INSERT INTO t VALUES (1)")
    engine, same = await asyncio.gather(database.engine(), database.engine())
    assert same is engine is await database.engine()
    async with engine.begin() as connection:
        assert (await connection.execute(text("SELECT n FROM t"))).all() == [(1,)]
        await connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": 2})

    assert await database.fetch("SELECT n FROM t ORDER BY n") == [(1,), (2,)]


async def test_the_engine_of_a_file(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """The engine of a SQLite file opens the same file, also before any statement."""
    manager = make_manager({"client": "sqlite3", "connection": {"directory": str(tmp_path)}})
    database = manager.for_plugin("a")
    engine = await database.engine()
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE t (n INTEGER)"))
    assert await database.fetch("SELECT n FROM t") == []


async def test_the_engines_connections_are_set_up_alike(test_databases: TestDatabases, postgres: str) -> None:
    """S15, S18: schema, role and application name hold on the engine's connections too."""
    database = await test_databases.init("POSTGRES")
    engine = await database.engine()
    query = "SELECT current_database(), current_setting('application_name'), current_schema()"
    async with engine.connect() as connection:
        assert [tuple(row) for row in (await connection.execute(text(query))).all()] == await database.fetch(query)


@pytest.mark.parametrize("missing", ["sqlalchemy.ext.asyncio", "aiosqlite"])
async def test_a_missing_sqlalchemy_names_the_command(
    make_manager: ManagerMaker, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Without SQLAlchemy or its driver, the error prints the command that installs them."""
    monkeypatch.setitem(sys.modules, missing, None)
    database = make_manager({"client": "sqlite3", "connection": ":memory:"}).for_plugin("a")

    with pytest.raises(UnsupportedOperationError, match=r"pip install 'understage\[sqlalchemy\]'"):
        await database.engine()

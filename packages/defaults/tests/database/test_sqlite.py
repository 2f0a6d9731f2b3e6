import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from understage.defaults.database.errors import DatabaseLockedError
from understage.defaults.database.manager import DatabaseManager
from understage.defaults.database.settings import SqliteSettings
from understage.defaults.database.sqlite.database import SqliteDatabase
from understage.errors import ConflictError, ServiceUnavailableError, error_status
from understage.plugin_api import DatabaseService

ManagerMaker = Callable[[dict[str, Any]], DatabaseManager]


def in_directory(make_manager: ManagerMaker, directory: Path) -> DatabaseManager:
    return make_manager({"client": "better-sqlite3", "connection": {"directory": str(directory)}})


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_directories_are_created(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """S20: the directory is made on first use, with a file for each plugin in it."""
    manager = in_directory(make_manager, tmp_path / "a" / "b")
    one, two = manager.for_plugin("user-settings"), manager.for_plugin("catalog")
    assert not (tmp_path / "a").exists()
    assert await one.fetch("SELECT 1") == await two.fetch("SELECT 1") == [(1,)]

    assert (tmp_path / "a" / "b" / "user-settings.sqlite").is_file()
    assert (tmp_path / "a" / "b" / "catalog.sqlite").is_file()


@pytest.mark.parametrize("connection", [":memory:", None])
async def test_plugins_never_see_each_others_tables(
    make_manager: ManagerMaker, tmp_path: Path, connection: str | None
) -> None:
    """S14, S20: tables of one plugin do not exist for another, in files as in memory."""
    manager = make_manager({"client": "sqlite3", "connection": connection or {"directory": str(tmp_path)}})
    one, two = manager.for_plugin("one"), manager.for_plugin("two")
    await one.execute("CREATE TABLE secrets (n INTEGER)")
    with pytest.raises(sqlite3.OperationalError, match="no such table: secrets"):
        await two.fetch("SELECT * FROM secrets")


async def test_foreign_keys_are_enforced_on_every_connection(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """S20: foreign keys are switched on, for statements and for the engine."""
    from sqlalchemy import text

    manager = in_directory(make_manager, tmp_path)
    database = manager.for_plugin("a")
    await database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    await database.execute("CREATE TABLE child (id INTEGER REFERENCES parent (id))")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await database.execute("INSERT INTO child VALUES (1)")
    assert await database.fetch_row("SELECT * FROM pragma_foreign_keys") == (1,)
    engine = await database.engine()
    async with engine.connect() as connection:
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1


async def test_files_are_written_ahead(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """Files are in WAL mode with full synchronisation, so that nothing that was committed is lost."""
    database = in_directory(make_manager, tmp_path).for_plugin("a")

    assert await database.fetch("PRAGMA journal_mode") == [("wal",)]
    assert await database.fetch("PRAGMA synchronous") == [(2,)]


async def test_reads_run_beside_each_other(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """Several slow reads of a file do not wait for one another, and none of the readers can write."""
    database = in_directory(make_manager, tmp_path).for_plugin("a")
    slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
    forever = asyncio.create_task(database.fetch(slow))
    await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        assert await database.fetch("SELECT 1") == [(1,)]
    forever.cancel()
    with pytest.raises(asyncio.CancelledError):
        await forever


async def test_a_file_that_another_process_locks(tmp_path: Path) -> None:
    """A lock that lasts too long is a 503 that names the file."""
    settings = SqliteSettings("catalog", "backend.database.connection", tmp_path / "a.sqlite", busy_seconds=0.05)
    database = SqliteDatabase(settings)
    await database.execute("CREATE TABLE t (n INTEGER)")
    other = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for attempt in (database.execute("INSERT INTO t VALUES (1)"), database.copy("t", ["n"], [(1,)])):
        with pytest.raises(
            DatabaseLockedError, match=r"SQLite file .*a\.sqlite\) has been locked by another process"
        ) as caught:
            await attempt
        assert error_status(caught.value) == 503
    with pytest.raises(DatabaseLockedError):
        async with database.transaction():
            pass
    assert await database.fetch("SELECT n FROM t") == []

    other.execute("ROLLBACK")
    other.close()
    assert await database.execute("INSERT INTO t VALUES (1)") == 1
    await database.close()


async def test_a_place_that_cannot_be_written(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """A directory that cannot be made, or a file that is none, is a 503 that names the file and the config key."""
    (tmp_path / "file").write_text("this is no database, and long enough to be seen as none" * 10)
    below = in_directory(make_manager, tmp_path / "file").for_plugin("catalog")
    with pytest.raises(ServiceUnavailableError, match=r"SQLite file .*/file/catalog\.sqlite\) cannot be opened"):
        await below.fetch("SELECT 1")

    own = {"catalog": {"connection": {"filename": str(tmp_path / "file")}}}
    data = {"client": "sqlite3", "connection": ":memory:", "plugin": own}
    with pytest.raises(
        ServiceUnavailableError, match=r"cannot be used; see backend\.database\.plugin\.catalog\.connection"
    ):
        await make_manager(data).for_plugin("catalog").fetch("SELECT 1")


async def test_the_file_of_a_node_backend_is_not_touched(
    make_manager: ManagerMaker, tmp_path: Path, migration_package: Callable[..., Path]
) -> None:
    """A file with knex_migrations and without our books keeps every byte; the error says what to set."""
    migration_package("pkg_ours", **{"1_first": "CREATE TABLE ours (n INTEGER)"})
    path = tmp_path / "catalog.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE knex_migrations (id INTEGER)")
    other.close()
    before = path.read_bytes()
    database = in_directory(make_manager, tmp_path).for_plugin("catalog")
    for attempt in (database.migrate("pkg_ours"), database.fetch("SELECT 1"), database.execute("CREATE TABLE t (n)")):
        with pytest.raises(ConflictError) as caught:
            await attempt
        message = str(caught.value)
        assert f"SQLite file {path} of plugin 'catalog' holds the tables of a Node backend" in message
        assert "backend.database.connection.directory" in message
        assert "backend.database.prefix" in message

    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["catalog.sqlite", "pkg_ours"]


async def test_memory_lives_as_long_as_the_database(make_manager: ManagerMaker) -> None:
    """A database in memory keeps its content between statements, and is gone when it is closed."""
    data = {"client": "better-sqlite3", "connection": ":memory:"}
    manager = make_manager(data)
    database = manager.for_plugin("a")
    await database.execute("CREATE TABLE t (n INTEGER)")
    await asyncio.gather(*(database.execute("INSERT INTO t VALUES ($1)", number) for number in range(20)))
    assert await database.fetch_row("SELECT count(*) FROM t") == (20,)
    await manager.close()
    assert await make_manager(data).for_plugin("a").fetch("SELECT name FROM sqlite_master") == []


async def test_a_closed_database_says_so(make_manager: ManagerMaker, tmp_path: Path) -> None:
    """Statements after the backend has stopped are a 503, and closing twice is harmless."""
    manager = in_directory(make_manager, tmp_path)
    database = manager.for_plugin("a")
    await database.fetch("SELECT 1")
    await manager.close()
    await manager.close()

    for attempt in (database.fetch("SELECT 1"), database.execute("CREATE TABLE t (n)")):
        with pytest.raises(ServiceUnavailableError, match="the backend stops"):
            await attempt
    assert names_in(tmp_path) == ["a.sqlite"]


async def test_work_that_was_cancelled_before_its_turn_is_not_done(make_manager: ManagerMaker) -> None:
    """A statement whose caller left while it waited in line is never run."""
    database = make_manager({"client": "sqlite3", "connection": ":memory:"}).for_plugin("a")
    await database.execute("CREATE TABLE t (n INTEGER)")
    async with database.transaction() as transaction:
        waiting = asyncio.create_task(database.execute("INSERT INTO t VALUES (1)"))
        await asyncio.sleep(0)
        waiting.cancel()
        queued = [asyncio.create_task(transaction.execute("SELECT 1")) for _ in range(3)]
        await asyncio.gather(*queued)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await database.fetch("SELECT * FROM t") == []


async def test_migrating_waits_for_another_process(tmp_path: Path, migration_package: Callable[..., Path]) -> None:
    """A migration that finds the file locked for longer than a statement waits tries again."""
    migration_package("pkg_wait", **{"1_first": "CREATE TABLE ours (n INTEGER)"})
    settings = SqliteSettings("a", "backend.database.connection", tmp_path / "a.sqlite", busy_seconds=0.02)
    database: DatabaseService = SqliteDatabase(replace(settings))
    await database.fetch("SELECT 1")
    other = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    migrating = asyncio.create_task(database.migrate("pkg_wait"))
    await asyncio.sleep(0.1)
    assert not migrating.done()
    other.execute("ROLLBACK")
    other.close()
    await migrating
    assert await database.fetch("SELECT n FROM ours") == []
    assert isinstance(database, SqliteDatabase)
    await database.close()

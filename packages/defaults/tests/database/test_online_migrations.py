"""Migrations that run while the backend works: nobody waits for them, and a crash in the middle does no harm."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest
from tests.support.waiting import until

from understage.config import config_from_data
from understage.defaults.database import online_migrations
from understage.defaults.database.database import PluginDatabase
from understage.defaults.database.manager import DatabaseManager
from understage.defaults.database.online_scripts import online_statements
from understage.errors import ConflictError
from understage.plugin_api import DatabaseService

MakePackage = Callable[..., Path]
CREATE = "CREATE TABLE a (n integer, twice integer);\nINSERT INTO a (n) VALUES (1), (2), (3), (4), (5);"
BACKFILL = """-- understage: online
-- understage: repeat
UPDATE a SET twice = 2 * n WHERE n IN (SELECT n FROM a WHERE twice IS NULL LIMIT 2);
"""
INDEX = "-- understage: online\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n);"


class Errors:
    """A logger that keeps errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, message: str, /, **metadata: object) -> None:
        self.errors.append(f"{message}: {metadata['error']}")

    def info(self, message: str, /, **metadata: object) -> None:
        assert metadata["migration"]


@pytest.fixture(autouse=True)
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online_migrations, "FIRST_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(online_migrations, "LOOK_AGAIN_SECONDS", 0.05)


def plain(database: DatabaseService) -> PluginDatabase:
    assert isinstance(database, PluginDatabase)
    return database


async def applied(database: DatabaseService) -> list[int]:
    return [row[0] for row in await database.fetch("SELECT number FROM understage_migrations ORDER BY number")]


async def test_rows_are_changed_beside_the_work(database: DatabaseService, migration_package: MakePackage) -> None:
    """A statement marked as repeated runs until it changes nothing; then the migration counts as applied, and once."""
    migration_package("pkg_backfill", **{"1_first": CREATE, "2_twice": BACKFILL})
    await database.migrate("pkg_backfill")
    await plain(database).finish_migrations()
    assert await database.fetch("SELECT n FROM a WHERE twice IS NULL OR twice <> 2 * n") == []
    assert await applied(database) == [1, 2]
    await database.execute("UPDATE a SET twice = NULL")
    await database.migrate("pkg_backfill")
    await plain(database).finish_migrations()
    assert await database.fetch("SELECT count(*) FROM a WHERE twice IS NULL") == [(5,)]


async def test_nobody_waits_for_them(
    database: DatabaseService, migration_package: MakePackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrating returns while one of these still runs, and migrations after it are applied before it is done."""
    go_on = asyncio.Event()
    repeat = online_migrations._repeat

    async def held_up(*arguments: Any) -> None:
        await go_on.wait()
        await repeat(*arguments)

    monkeypatch.setattr(online_migrations, "_repeat", held_up)
    folder = migration_package(
        "pkg_early", **{"1_first": CREATE, "2_twice": BACKFILL, "3_last": "CREATE TABLE b (n integer)"}
    )
    await database.migrate("pkg_early")
    assert await applied(database) == [1, 3]
    (folder / "4_more.sql").write_text("CREATE TABLE c (n integer)")
    await database.migrate("pkg_early")
    assert await applied(database) == [1, 3, 4]
    go_on.set()
    await plain(database).finish_migrations()
    assert await applied(database) == [1, 2, 3, 4]
    await database.migrate("pkg_early")


async def test_a_failure_is_reported_and_tried_again(database: DatabaseService, migration_package: MakePackage) -> None:
    """What fails does not stop the backend: the log names it, and it is tried until it succeeds."""
    logger = Errors()
    plain(database).logger = cast("Any", logger)
    migration_package("pkg_again", **{"1_first": CREATE, "2_twice": BACKFILL.replace(" a SET", " later SET")})
    await database.migrate("pkg_again")
    await until(lambda: asyncio.sleep(0, logger.errors))
    assert "will be tried again" in logger.errors[0]
    await database.execute("CREATE TABLE later (n integer, twice integer)")
    await plain(database).finish_migrations()
    assert await applied(database) == [1, 2]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE INDEX a_n ON a (n)", "index a_n would lock its table for writing; write CREATE INDEX CONCURRENTLY IF"),
        ("CREATE UNIQUE INDEX CONCURRENTLY a_n ON a (n)", "index a_n could not be created again after a crash"),
        ("UPDATE a SET n = 1 -- understage: repeat", "'UPDATE a SET n = 1...' may change many rows at once"),
        ("/* now */ COMMIT", "take 'COMMIT' out of it"),
    ],
)
def test_what_could_do_harm_is_refused(statement: str, message: str) -> None:
    """A statement that locks a table for long, or could not be run again after a crash, is an error that says so."""
    with pytest.raises(ConflictError, match="migration x runs while the backend works, but") as caught:
        online_statements(f"-- understage: online\nSELECT 1;\n{statement};", "migration x", "postgres")
    assert message in str(caught.value)


def test_scripts_are_split_into_statements() -> None:
    """Semicolons in texts, names, comments and function bodies end no statement."""
    script = """
        -- understage: online
        CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $x$ SELECT ';' ; $x$; -- one; comment
        /* ; */ SELECT 'it''s; one', "a;b";
        -- understage: repeat
        DELETE FROM a WHERE n IN (SELECT n FROM a LIMIT 10);
        CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (n)
    """
    found = online_statements(script, "migration x", "postgres")
    assert [(one.repeats, one.index) for one in found] == [(False, None), (False, None), (True, None), (False, "i")]
    assert found[1].text.endswith("SELECT 'it''s; one', \"a;b\"")


async def fetch(url: str, query: str) -> Sequence[Any]:
    connection = await asyncpg.connect(url)
    try:
        return cast("Sequence[Any]", await connection.fetch(query))
    finally:
        await connection.close()


@pytest.fixture
async def server(postgres: str, tmp_path: Path) -> Any:
    """The URL of a database of its own on Postgres, dropped afterwards."""
    name = f"understage_online_{abs(hash(tmp_path)):x}"
    await fetch(postgres, f"CREATE DATABASE {name}")
    yield postgres.rpartition("/")[0] + f"/{name}"
    await fetch(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def replica(url: str) -> tuple[DatabaseManager, PluginDatabase]:
    settings = {"client": "pg", "connection": url, "pluginDivisionMode": "schema"}
    manager = DatabaseManager(config_from_data({"backend": {"database": settings}}, name="app-config.yaml"))
    return manager, plain(manager.for_plugin("online"))


async def test_an_index_that_a_crash_left_half_built_is_built_anew(server: str, migration_package: MakePackage) -> None:
    """An invalid index is dropped and built again, without a lock that would keep others from writing."""
    manager, database = replica(server)
    logger = Errors()
    database.logger = cast("Any", logger)
    migration_package("pkg_index", **{"1_first": CREATE + "INSERT INTO a (n) VALUES (1);", "2_index": INDEX})
    await database.migrate("pkg_index")
    # Two rows are alike, so that building the index fails and leaves an invalid one, as a crash does.
    await until(lambda: asyncio.sleep(0, logger.errors))
    assert await database.fetch("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_n'::regclass") == [(False,)]
    await database.execute("DELETE FROM a WHERE n = 1")
    await database.finish_migrations()
    assert await database.fetch("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_n'::regclass") == [(True,)]
    assert await applied(database) == [1, 2]
    await manager.close()


async def test_one_replica_runs_them(server: str, migration_package: MakePackage) -> None:
    """Replicas that start at once do not do the same work twice; all of them end up with all migrations."""
    note = "CREATE TABLE runs (n serial);" + CREATE
    count = (
        "-- understage: online\n-- understage: repeat\nWITH r AS (INSERT INTO runs DEFAULT VALUES) "
        "UPDATE a SET twice = 1 WHERE n IN (SELECT n FROM a WHERE twice IS NULL LIMIT 1);"
    )
    migration_package("pkg_replicas", **{"1_first": note, "2_count": count})
    replicas = [replica(server) for _ in range(3)]
    await asyncio.gather(*(database.migrate("pkg_replicas") for _, database in replicas))
    await asyncio.gather(*(database.finish_migrations() for _, database in replicas))
    _, database = replicas[0]
    assert await database.fetch("SELECT count(*) FROM runs") == [(6,)]
    assert await applied(database) == [1, 2]
    for manager, _ in replicas:
        await manager.close()


CHILD = """
    import asyncio, sys
    sys.path.insert(0, sys.argv[2])
    from understage.config import config_from_data
    from understage.defaults.database.manager import DatabaseManager

    async def main():
        settings = {"client": "pg", "connection": sys.argv[1], "pluginDivisionMode": "schema"}
        manager = DatabaseManager(config_from_data({"backend": {"database": settings}}, name="app-config.yaml"))
        database = manager.for_plugin("online")
        await database.migrate("pkg_killed")
        await database.finish_migrations()

    asyncio.run(main())
"""


async def test_a_killed_process_is_followed_by_another_one(server: str, migration_package: MakePackage) -> None:
    """What a killed process has done stays done; the next one takes the lock and does the rest."""
    slow = BACKFILL.replace("LIMIT 2", "LIMIT 1").replace("2 * n WHERE", "2 * n + length(pg_sleep(0.3)::text) WHERE")
    folder = migration_package("pkg_killed", **{"1_first": CREATE, "2_twice": slow})
    manager, database = replica(server)
    child = subprocess.Popen(  # noqa: ASYNC220 - it is only started, and killed
        [sys.executable, "-c", textwrap.dedent(CHILD), server, str(folder.parent.parent)]
    )

    async def has_begun() -> bool:
        try:
            rows = await fetch(server, "SELECT count(*) FROM online.a WHERE twice IS NOT NULL")
        except asyncpg.PostgresError:
            return False
        return bool(rows[0][0])

    await until(has_begun)
    child.kill()
    child.wait()
    done = (await fetch(server, "SELECT array_agg(ctid::text) FROM online.a WHERE twice IS NOT NULL"))[0][0]
    assert 1 <= len(done) < 5
    await database.migrate("pkg_killed")
    await database.finish_migrations()
    assert await database.fetch("SELECT n FROM a WHERE twice IS DISTINCT FROM 2 * n") == []
    kept = await database.fetch("SELECT ctid::text FROM a")
    assert {row[0] for row in kept} >= set(done)
    assert await applied(database) == [1, 2]
    await manager.close()

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases

PRELUDE = """
import asyncio, sys
from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager
import json

def database():
    settings = json.loads(sys.argv[1])
    return DatabaseManager(config_from_data({"backend": {"database": settings}})).for_plugin("catalog")
"""
MIGRATE = """
async def main():
    db = database()
    print("ready", flush=True)
    sys.stdin.readline()
    await db.migrate("pkg_race")
    print(await db.fetch("SELECT count(*) FROM steps"), flush=True)

asyncio.run(main())
"""
WRITE = """
async def main():
    db = database()
    number = 0
    while True:
        async with db.transaction() as transaction:
            await transaction.execute("INSERT INTO written VALUES ($1)", number)
            await transaction.execute("INSERT INTO written VALUES ($1)", -number - 1)
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


class Replica:
    """A process that works on the database."""

    def __init__(self, script: str, settings: str, path: Path) -> None:
        code = PRELUDE + textwrap.dedent(script)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(path)},
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self) -> str:
        out, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return out.strip()

    def kill(self) -> list[str]:
        self.process.send_signal(signal.SIGKILL)
        out, _ = self.process.communicate(timeout=30)
        return out.splitlines()


async def shared_settings(database_id: str, databases: TestDatabases, tmp_path: Path) -> tuple[str, DatabaseService]:
    """Settings with which several processes reach one database, and that database."""
    import json

    from understage.config import config_from_data
    from understage.defaults.database.manager import DatabaseManager
    from understage.testing.databases import postgres_url

    if database_id == "SQLITE":
        settings: dict[str, object] = {"client": "better-sqlite3", "connection": {"directory": str(tmp_path)}}
        manager = DatabaseManager(config_from_data({"backend": {"database": settings}}))
        return json.dumps(settings), manager.for_plugin("catalog")
    if not databases.supports("POSTGRES"):
        pytest.skip("no Postgres answers")
    database = await databases.init("POSTGRES")
    [(name,)] = await database.fetch("SELECT current_database()")
    own = {"catalog": {"connection": {"database": name}}}
    return json.dumps({"client": "pg", "connection": postgres_url(), "plugin": own}), database


@pytest.mark.parametrize("database_id", ["SQLITE", "POSTGRES"])
async def test_replicas_that_start_at_once_migrate_once(
    database_id: str, test_databases: TestDatabases, tmp_path: Path, migration_package: Callable[..., Path]
) -> None:
    """S16: several processes that migrate one database at the same moment run each migration once, and none fails."""
    steps = {f"{n}_step": f"INSERT INTO steps VALUES ({n})" for n in range(2, 9)}
    migration_package("pkg_race", **{"1_first": "CREATE TABLE steps (n integer PRIMARY KEY)", **steps})
    settings, database = await shared_settings(database_id, test_databases, tmp_path)
    replicas = [Replica(MIGRATE, settings, tmp_path) for _ in range(3)]
    assert [replica.line() for replica in replicas] == ["ready"] * 3
    for replica in replicas:
        replica.go()

    assert [replica.finish() for replica in replicas] == ["[(7,)]"] * 3
    assert await database.fetch("SELECT count(*) FROM understage_migrations") == [(8,)]


@pytest.mark.parametrize("database_id", ["SQLITE", "POSTGRES"])
async def test_killing_a_process_loses_nothing(database_id: str, test_databases: TestDatabases, tmp_path: Path) -> None:
    """A process that is killed in the middle of writing leaves every committed transaction whole, and no other."""
    settings, database = await shared_settings(database_id, test_databases, tmp_path)
    await database.execute("CREATE TABLE written (n integer PRIMARY KEY)")
    writer = Replica(WRITE, settings, tmp_path)
    seen = [writer.line() for _ in range(20)]
    seen += writer.kill()

    committed = {row[0] for row in await database.fetch("SELECT n FROM written")}
    confirmed = [int(number) for number in seen if number]
    assert len(confirmed) >= 20
    assert all(number in committed and -number - 1 in committed for number in confirmed)
    assert all(-number - 1 in committed for number in committed)
    assert await database.execute("INSERT INTO written VALUES ($1)", 10_000_000) == 1


def test_what_a_database_imports(tmp_path: Path) -> None:
    """Neither a driver nor SQLAlchemy is imported before it is used; SQLite's own module only for SQLite."""
    script = """
    database()
    found = [name for name in ("asyncpg", "sqlalchemy", "aiosqlite", "sqlite3") if name in sys.modules]
    print(found)
    """
    replica = Replica(textwrap.dedent(script), '{"client": "pg", "connection": "postgres://h/x"}', tmp_path)
    assert replica.finish() == "[]"

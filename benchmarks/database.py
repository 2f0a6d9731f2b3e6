"""Measures the database service: statements per second on each dialect, one JSON line for each measurement.

    python benchmarks/database.py [seconds for each measurement]

`cpu_us` is the CPU time of this process for each statement, which noise of other processes hardly touches; `driver_us`
is that of the same statement on the driver itself, where it was measured. Postgres is measured where a server answers
at UNDERSTAGE_TEST_POSTGRES_URL, by default on this machine.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases, postgres_url

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
Statement = Callable[[], Awaitable[Any]]


class Entity(msgspec.Struct):
    id: int
    name: str
    done: bool


async def measure(statement: Statement, *, tasks: int = 1) -> tuple[float, float]:
    """Returns statements per second, and CPU microseconds for each."""
    for _ in range(50):
        await statement()
    count = 0
    until = time.perf_counter() + SECONDS

    async def work() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await statement()
            count += 1

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(tasks)))
    return count / (time.perf_counter() - started), (time.process_time() - cpu) / count * 1e6


async def report(
    dialect: str, name: str, statement: Statement, *, tasks: int = 1, driver: Statement | None = None
) -> None:
    per_second, cpu = await measure(statement, tasks=tasks)
    line = {
        "dialect": dialect,
        "statement": name,
        "tasks": tasks,
        "per_second": round(per_second),
        "cpu_us": round(cpu, 1),
    }
    if driver is not None:
        line["driver_us"] = round((await measure(driver))[1], 1)
    print(json.dumps(line), flush=True)


async def measure_all(label: str, database: DatabaseService, driver: Callable[[str], Statement] | None) -> None:
    await database.execute("CREATE TABLE entities (id integer PRIMARY KEY, name text, done boolean)")
    await database.copy("entities", ["id", "name", "done"], [(n, f"entity-{n}", n % 2 == 0) for n in range(10_000)])
    numbers = iter(range(10_000, 100_000_000))
    one, many = (
        "SELECT id, name, done FROM entities WHERE id = $1",
        "SELECT id, name, done FROM entities WHERE id < 500",
    )

    async def insert() -> None:
        await database.execute("INSERT INTO entities VALUES ($1, $2, $3)", next(numbers), "new", True)

    async def transaction() -> None:
        async with database.transaction() as opened:
            await opened.execute("INSERT INTO entities VALUES ($1, $2, $3)", next(numbers), "new", True)
            await opened.fetch_row(one, 1)

    await report(label, "fetch_row", lambda: database.fetch_row(one, 77), driver=driver(one) if driver else None)
    await report(label, "fetch_row", lambda: database.fetch_row(one, 77), tasks=16)
    await report(label, "fetch_row typed", lambda: database.fetch_row(one, 77, row_type=Entity))
    await report(label, "fetch 500 rows", lambda: database.fetch(many))
    await report(label, "fetch 500 rows typed", lambda: database.fetch(many, row_type=Entity))
    await report(label, "insert", insert)
    await report(label, "insert", insert, tasks=16)
    await report(label, "transaction of two", transaction)


async def measure_sqlite() -> None:
    with tempfile.TemporaryDirectory() as directory:
        for label, connection in (("sqlite memory", ":memory:"), ("sqlite file", {"directory": directory})):
            data = {"backend": {"database": {"client": "better-sqlite3", "connection": connection}}}
            manager = DatabaseManager(config_from_data(data))
            await measure_all(label, manager.for_plugin("benchmark"), None)
            await manager.close()


async def measure_postgres() -> None:
    databases = TestDatabases.create(ids=["POSTGRES"])
    if not databases.supports("POSTGRES"):
        return
    import asyncpg

    database = await databases.init("POSTGRES")
    row = await database.fetch_row("SELECT current_database()")
    assert row is not None
    connection = await asyncpg.connect(postgres_url(), database=row[0])
    await measure_all("postgres", database, lambda query: lambda: connection.fetchrow(query, 77))
    await connection.close()
    await databases.close()


async def main() -> None:
    await measure_sqlite()
    await measure_postgres()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())

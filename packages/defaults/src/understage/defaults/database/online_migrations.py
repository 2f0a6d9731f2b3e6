"""Runs migrations while the backend works: by one replica, statement by statement, taken up again after a crash."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from understage.defaults.database.guard import BOOKKEEPING_TABLE
from understage.defaults.database.migration_files import Migration
from understage.defaults.database.online_scripts import OnlineStatement, online_statements

if TYPE_CHECKING:
    from understage.defaults.database.database import PluginDatabase

LOOK_AGAIN_SECONDS = 10.0
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0
LOCK_TIMEOUT = "2s"

Execute = Callable[[str], Awaitable[int]]

_INVALID_INDEX = """
    SELECT 1 FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relname = $1 AND NOT i.indisvalid AND pg_table_is_visible(c.oid)
    """


async def run_online_migrations(database: PluginDatabase, package: str, migrations: Sequence[Migration]) -> None:
    """Runs what is left of these migrations, or waits until another replica has done so; failures are tried again.

    Args:
        database: where.
        package: the import name of the package that holds them.
        migrations: those that run while the backend works, in order.
    """
    pause = FIRST_RETRY_SECONDS
    while True:
        try:
            if await _run_all(database, package, migrations):
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except Exception as error:  # noqa: BLE001 - the backend works without them; they are tried again
            if database.logger is not None:
                database.logger.error(
                    "A migration that runs beside the work has failed and will be tried again",
                    error=error,
                    package=package,
                    plugin=database.plugin_id,
                    retry_seconds=pause,
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_RETRY_SECONDS)


async def _run_all(database: PluginDatabase, package: str, migrations: Sequence[Migration]) -> bool:
    """Runs migrations unless another replica does so; returns whether none is left."""
    if not await _find_left(database, package, migrations):
        return True
    async with database.run_alone(package) as execute:
        if execute is None:
            return False
        # The replica that had the lock before may have done some.
        for migration in await _find_left(database, package, migrations):
            await _run(database, package, migration, execute)
    return True


async def _find_left(database: PluginDatabase, package: str, migrations: Sequence[Migration]) -> list[Migration]:
    rows = await database.fetch(f"SELECT number FROM {BOOKKEEPING_TABLE} WHERE package = $1", package)
    applied = {row[0] for row in rows}
    return [migration for migration in migrations if migration.number not in applied]


async def _run(database: PluginDatabase, package: str, migration: Migration, execute: Execute) -> None:
    begin = time.monotonic()
    title = f"migration {migration} of package '{package}'"
    for statement in online_statements(migration.script, title, database.dialect):
        if statement.index is not None and database.dialect == "postgres":
            await _build_index(database, statement, execute)
        elif statement.repeats:
            await _repeat(statement, execute)
        else:
            await _with_lock_timeout(database, statement, execute)
    await database.execute(
        f"INSERT INTO {BOOKKEEPING_TABLE} (package, number, name, checksum, applied_at) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        *(package, migration.number, migration.name, migration.checksum, dt.datetime.now(dt.UTC)),
    )
    if database.logger is not None:
        seconds = round(time.monotonic() - begin, 1)
        database.logger.info("Applied a migration beside the work", migration=str(migration), seconds=seconds)


async def _build_index(database: PluginDatabase, statement: OnlineStatement, execute: Execute) -> None:
    if await database.fetch_row(_INVALID_INDEX, statement.index):
        # A crash has left it half built: nobody uses it, but everybody writes it.
        await execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{statement.index}"')
    await execute(statement.text)


async def _repeat(statement: OnlineStatement, execute: Execute) -> None:
    while True:
        begin = time.monotonic()
        if not await execute(statement.text):
            return
        # As long a rest as work, so that others are served.
        await asyncio.sleep(time.monotonic() - begin)


async def _with_lock_timeout(database: PluginDatabase, statement: OnlineStatement, execute: Execute) -> None:
    if database.dialect == "sqlite":
        await execute(statement.text)
        return
    # Whoever waits for a lock on a table holds up all who come after; better to fail, and to try again.
    await execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    try:
        await execute(statement.text)
    finally:
        await execute("RESET lock_timeout")

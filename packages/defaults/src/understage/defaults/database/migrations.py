"""Runs migrations: each once, in a transaction of its own, by one replica at a time."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from understage.defaults.database.errors import DatabaseLockedError
from understage.defaults.database.guard import BOOKKEEPING_TABLE
from understage.defaults.database.migration_files import Migration
from understage.errors import ConflictError, ForwardedError

if TYPE_CHECKING:
    from understage.defaults.database.database import PluginDatabase
    from understage.defaults.database.transaction import OpenTransaction

LOCK_SECONDS = 300.0

_CREATE_BOOKKEEPING = {
    "postgres": f"""
        CREATE TABLE IF NOT EXISTS {BOOKKEEPING_TABLE} (
            package text NOT NULL, number integer NOT NULL, name text NOT NULL, checksum text NOT NULL,
            applied_at timestamptz NOT NULL, PRIMARY KEY (package, number))""",
    "sqlite": f"""
        CREATE TABLE IF NOT EXISTS {BOOKKEEPING_TABLE} (
            package TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,
            applied_at TEXT NOT NULL, PRIMARY KEY (package, number)) WITHOUT ROWID""",
}


class Applied(msgspec.Struct, frozen=True):
    """What the bookkeeping says about a migration.

    Attributes:
        number: its place in the order.
        name: its name.
        checksum: of the text that ran.
    """

    number: int
    name: str
    checksum: str


async def run_migrations(database: PluginDatabase, package: str, migrations: Sequence[Migration]) -> list[str]:
    """Runs the migrations of a package that have not run yet, but those that run beside the work; returns their names.

    Every step takes the lock, looks what is left and runs one migration, all in one transaction. So replicas that start
    at once share the work, and one that is killed leaves nothing half done.

    Args:
        database: where.
        package: the import name of the package that holds them.
        migrations: all that it holds, in order.

    Raises:
        ConflictError: an applied migration was changed, or is unknown to this version.
    """
    done: list[str] = []
    deadline = asyncio.get_running_loop().time() + LOCK_SECONDS
    while True:
        try:
            migration = await _run_next(database, package, migrations)
        except DatabaseLockedError:
            # Another process that migrates may hold the lock of a SQLite file for longer than a statement waits.
            if asyncio.get_running_loop().time() > deadline:
                raise
            continue
        if migration is None:
            return done
        done.append(str(migration))


async def _run_next(database: PluginDatabase, package: str, migrations: Sequence[Migration]) -> Migration | None:
    async with database.transaction() as transaction:
        await database.lock_migrations(transaction)
        await transaction.execute(_CREATE_BOOKKEEPING[database.dialect])
        applied = await transaction.fetch(
            f"SELECT number, name, checksum FROM {BOOKKEEPING_TABLE} WHERE package = $1 ORDER BY number",
            package,
            row_type=Applied,
        )
        check_history(database.plugin_id, package, migrations, applied)
        done = {step.number for step in applied}
        migration = next((one for one in migrations if not one.is_online and one.number not in done), None)
        if migration is None:
            return None
        try:
            await transaction.run_script(migration.script)
        except Exception as error:
            message = f"migration {migration} of package '{package}' failed in the database of '{database.plugin_id}'"
            raise ForwardedError(f"{message}, and nothing of it was kept", error) from error
        await _record(transaction, package, migration)
        return migration


async def _record(transaction: OpenTransaction, package: str, migration: Migration) -> None:
    await transaction.execute(
        f"INSERT INTO {BOOKKEEPING_TABLE} (package, number, name, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)",
        *(package, migration.number, migration.name, migration.checksum, dt.datetime.now(dt.UTC)),
    )


def check_history(plugin_id: str, package: str, migrations: Sequence[Migration], applied: Sequence[Applied]) -> None:
    """Checks that what was applied is the beginning of what the package holds, apart from what runs beside the work.

    Args:
        plugin_id: whose database it is.
        package: whose migrations they are.
        migrations: those of the package, in order.
        applied: those in the bookkeeping, in order.

    Raises:
        ConflictError: an applied migration is unknown or was changed, or one was inserted before an applied one.
    """
    where = f"in the database of plugin '{plugin_id}'"
    known = {migration.number: migration for migration in migrations}
    for step in applied:
        migration = known.get(step.number)
        if migration is None:
            raise ConflictError(
                f"migration {step.number:04d}_{step.name} was applied {where}, but this version of package '{package}' "
                "does not know it. Install the version that brought it, or a newer one; to go back, restore the backup "
                "that was taken before it ran"
            )
        if migration.checksum != step.checksum:
            raise ConflictError(
                f"migration {migration} of package '{package}' was changed after it had been applied {where}. "
                "Put its old text back, and write the change as a new migration with the next number"
            )
    in_order = [number for number in sorted(known) if not known[number].is_online]
    steps = [step for step in applied if not known[step.number].is_online]
    for number, step in zip(in_order, steps, strict=False):
        if number != step.number:
            raise ConflictError(
                f"migration {known[number]} of package '{package}' comes before {step.number:04d}_{step.name}, which "
                f"was applied already {where}. Give it a number after all that were applied"
            )

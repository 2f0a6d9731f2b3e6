"""Tasks in the plugin's database, which all replicas share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec

from understage.defaults.scheduler.cadence import frequency_of, start_after
from understage.defaults.scheduler.store import Poll, PolledTask, Refusal, TaskState
from understage.plugin_api import DatabaseService, Dialect

MIGRATIONS = "understage.defaults.scheduler"

_TABLE = "backstage_backend_tasks__tasks"
_NOBODY = "current_run_ticket = NULL, current_run_started_at = NULL, current_run_expires_at = NULL"

# The time on the database's own clock, in the form in which the dialect keeps times, and so many seconds after it.
_NOW: dict[Dialect, str] = {
    "postgres": "now()",
    "sqlite": "(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z')",
}
_LATER: dict[Dialect, str] = {
    "postgres": "now() + make_interval(secs => {seconds})",
    "sqlite": "(strftime('%Y-%m-%dT%H:%M:%f', 'now', {seconds} || ' seconds') || '000Z')",
}


class DatabaseTaskStore:
    """Keeps tasks in the table `backstage_backend_tasks__tasks`, which is made when the first one is scheduled.

    Args:
        database: the plugin's database.
    """

    def __init__(self, database: DatabaseService) -> None:
        self._database = database
        self._migrating = asyncio.Lock()
        self._migrated = False

    async def now(self) -> datetime:
        """Returns the database's time."""
        row = await self._database.fetch_row(f"SELECT {self._now}", row_type=_Time)
        assert row is not None  # noqa: S101 - such a query has one row
        return row.now

    async def save(self, task_id: str, settings_json: str, first: datetime | None, again: datetime | None) -> None:
        """Keeps a task and its settings. A restart, which changes nothing, writes nothing."""
        await self._migrate()
        unchanged = await self._database.fetch_row(
            f"SELECT 1 FROM {_TABLE} WHERE id = $1 AND settings_json = $2 AND "
            f"(next_run_start_at < COALESCE($3, {self._now}) OR (next_run_start_at IS NULL AND $4))",
            *(task_id, settings_json, again, again is None),
        )
        if unchanged is not None:
            return
        await self._database.execute(
            f"INSERT INTO {_TABLE} AS known (id, settings_json, next_run_start_at) VALUES ($1, $2, $3) "
            "ON CONFLICT (id) DO UPDATE SET settings_json = excluded.settings_json, next_run_start_at = "
            f"CASE WHEN known.next_run_start_at < COALESCE($4, {self._now}) THEN known.next_run_start_at ELSE $4 END",
            *(task_id, settings_json, first, again),
        )

    async def poll(self, horizon_seconds: float) -> Poll:
        """Returns the tasks that run, and those that are due within so many seconds; all in one query."""
        text, time = ("NULL::text", "NULL::timestamptz") if self._database.dialect == "postgres" else ("NULL", "NULL")
        rows = await self._database.fetch(
            f"SELECT {text}, {text}, {time}, {time}, {self._now} UNION ALL "
            f"SELECT id, current_run_ticket, next_run_start_at, current_run_expires_at, {self._now} FROM {_TABLE} "
            "WHERE current_run_ticket IS NOT NULL UNION ALL "
            f"SELECT id, {text}, next_run_start_at, {time}, {self._now} FROM {_TABLE} "
            f"WHERE current_run_ticket IS NULL AND next_run_start_at <= {self._later('$1')}",
            horizon_seconds,
            row_type=PolledTask,
        )
        return Poll(rows[0].now, [row for row in rows if row.id is not None])

    async def claim(self, task_id: str, ticket: str, timeout_seconds: float) -> bool:
        """Takes the right to run a task that is due and that nobody runs; tells whether it was had."""
        touched = await self._database.execute(
            f"UPDATE {_TABLE} SET current_run_ticket = $2, current_run_started_at = {self._now}, "
            f"current_run_expires_at = {self._later('$3')} "
            f"WHERE id = $1 AND current_run_ticket IS NULL AND next_run_start_at <= {self._now}",
            *(task_id, ticket, timeout_seconds),
        )
        return touched == 1

    async def extend(self, task_id: str, ticket: str, seconds: float) -> None:
        """Makes a ticket end after so many seconds from now."""
        await self._database.execute(
            f"UPDATE {_TABLE} SET current_run_expires_at = {self._later('$3')} "
            "WHERE id = $1 AND current_run_ticket = $2",
            *(task_id, ticket, seconds),
        )

    async def finish(self, task_id: str, ticket: str, next_start: datetime | None, error_json: str | None) -> None:
        """Ends a run, if the ticket is still held."""
        await self._database.execute(
            f"UPDATE {_TABLE} SET {_NOBODY}, next_run_start_at = $3, "
            f"last_run_ended_at = {self._now}, last_run_error_json = $4 WHERE id = $1 AND current_run_ticket = $2",
            *(task_id, ticket, next_start, error_json),
        )

    async def release(self, task_id: str, ticket: str) -> None:
        """Gives a ticket back as if the run had never been: the task stays due."""
        await self._database.execute(
            f"UPDATE {_TABLE} SET {_NOBODY} WHERE id = $1 AND current_run_ticket = $2",
            *(task_id, ticket),
        )

    async def free_expired(self, task_id: str, ticket: str, error_json: str) -> bool:
        """Takes an expired ticket away; tells whether it was. The task stays due."""
        touched = await self._database.execute(
            f"UPDATE {_TABLE} SET {_NOBODY}, last_run_ended_at = {self._now}, last_run_error_json = $3 "
            f"WHERE id = $1 AND current_run_ticket = $2 AND current_run_expires_at <= {self._now}",
            *(task_id, ticket, error_json),
        )
        return touched == 1

    async def trigger(self, task_id: str) -> Refusal | None:
        """Makes a task due now, or says why not: `missing` or `running`."""
        await self._migrate()
        touched = await self._database.execute(
            f"UPDATE {_TABLE} SET next_run_start_at = {self._now} WHERE id = $1 AND current_run_ticket IS NULL",
            task_id,
        )
        if touched:
            return None
        return "missing" if await self._settings(task_id) is None else "running"

    async def cancel(self, task_id: str, error_json: str) -> Refusal | None:
        """Takes the ticket of a running task away and plans its next run, or says why not: `missing` or `idle`."""
        await self._migrate()
        settings = await self._settings(task_id)
        if settings is None:
            return "missing"
        frequency = frequency_of(msgspec.json.decode(settings)["cadence"])
        touched = await self._database.execute(
            f"UPDATE {_TABLE} SET {_NOBODY}, next_run_start_at = $3, last_run_ended_at = {self._now}, "
            "last_run_error_json = $2 WHERE id = $1 AND current_run_ticket IS NOT NULL",
            *(task_id, error_json, start_after(frequency, None, await self.now())),
        )
        return None if touched else "idle"

    async def bring_forward(self, starts: Sequence[tuple[str, datetime]]) -> None:
        """Makes each task due at the given time at the latest, if it is planned at all."""
        await self._database.execute_many(
            f"UPDATE {_TABLE} SET next_run_start_at = $2 WHERE id = $1 AND next_run_start_at > $2",
            starts,
        )

    async def read(self) -> Sequence[TaskState]:
        """Returns the state of all tasks, also of those that no replica knows any more."""
        await self._migrate()
        return await self._database.fetch(
            "SELECT id, current_run_ticket, next_run_start_at, current_run_started_at, current_run_expires_at, "
            f"last_run_ended_at, last_run_error_json FROM {_TABLE}",
            row_type=TaskState,
        )

    @property
    def _now(self) -> str:
        return _NOW[self._database.dialect]

    def _later(self, seconds: str) -> str:
        return _LATER[self._database.dialect].format(seconds=seconds)

    async def _settings(self, task_id: str) -> str | None:
        row = await self._database.fetch_row(f"SELECT settings_json FROM {_TABLE} WHERE id = $1", task_id)
        return None if row is None else row[0]

    async def _migrate(self) -> None:
        if self._migrated:
            return
        async with self._migrating:
            if not self._migrated:
                await self._database.migrate(MIGRATIONS)
                self._migrated = True


class _Time(msgspec.Struct):
    now: datetime

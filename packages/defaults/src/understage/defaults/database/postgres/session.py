"""A session on a Postgres connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from typing_extensions import override

from understage.defaults.database.errors import TransactionError
from understage.defaults.database.postgres.errors import lost_connection
from understage.defaults.database.session import Session
from understage.defaults.database.settings import PostgresSettings
from understage.defaults.database.values import RowType, make_rows, plain_maker
from understage.errors import ServiceUnavailableError
from understage.plugin_api import Dialect

CHECK_SECONDS = 5.0
ROWS_WITHOUT_PAUSE = 1000
NOTIFY = "SELECT pg_notify($1, $2)"

_COUNTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})


class PostgresSession(Session):
    """Runs statements on an asyncpg connection.

    Args:
        connection: the connection.
        settings: what is connected to.
    """

    dialect: Dialect = "postgres"

    def __init__(self, connection: Any, settings: PostgresSettings) -> None:
        self._connection = connection
        self._settings = settings

    @property
    @override
    def usable(self) -> bool:
        return not self._connection.is_closed() and not self._connection.is_in_transaction()

    @override
    async def fetch(self, query: str, args: Sequence[object], row_type: RowType | None) -> list[Any]:
        records = await self._connection.fetch(query, *args)
        return make_rows(records, None if row_type is None else plain_maker(row_type))

    @override
    async def fetch_row(self, query: str, args: Sequence[object], row_type: RowType | None) -> Any:
        record = await self._connection.fetchrow(query, *args)
        if record is None:
            return None
        return tuple(record) if row_type is None else plain_maker(row_type)(record)

    @override
    async def execute(self, query: str, args: Sequence[object]) -> int:
        verb, _, count = (await self._connection.execute(query, *args)).partition(" ")
        return int(count.rpartition(" ")[2]) if verb in _COUNTED else 0

    @override
    async def execute_many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        await self._connection.executemany(query, rows)

    @override
    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        await self._connection.copy_records_to_table(table, columns=list(columns), records=_with_pauses(rows))

    @override
    async def run_script(self, script: str) -> None:
        await self._connection.execute(script)
        if not self._connection.is_in_transaction():
            raise TransactionError("a script ended the transaction that it ran in; take COMMIT and ROLLBACK out of it")

    @override
    async def begin(self) -> None:
        await self._connection.execute("BEGIN")

    @override
    async def commit(self, notifications: Sequence[tuple[str, str]]) -> None:
        for channel, payload in notifications:
            await self._connection.execute(NOTIFY, channel_name(self._settings.plugin_id, channel), payload)
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise TransactionError("Postgres rolled the transaction back, since a statement in it had failed")

    @override
    async def rollback(self) -> None:
        if self._connection.is_closed():
            return
        try:
            await self._connection.execute("ROLLBACK", timeout=CHECK_SECONDS)
        except Exception:  # noqa: BLE001 - whatever went wrong, the server rolls back when the connection ends
            self._connection.terminate()

    @override
    async def savepoint(self, action: str, name: str) -> None:
        await self._connection.execute(f"{action} {name}")

    @override
    async def check(self) -> bool:
        try:
            await self._connection.execute("SELECT 1", timeout=CHECK_SECONDS)
        except Exception:  # noqa: BLE001 - any failure means that this connection is of no use
            return False
        return True

    @override
    def unavailable(self, error: BaseException) -> ServiceUnavailableError | None:
        return lost_connection(self._settings, error, closed=self._connection.is_closed())

    @override
    async def close(self) -> None:
        try:
            await self._connection.close(timeout=CHECK_SECONDS)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - it is given up either way
            self._connection.terminate()


async def _with_pauses(rows: Iterable[Sequence[object]]) -> AsyncIterator[Sequence[object]]:
    """Yields the rows; the driver encodes them on the event loop, which others need as well."""
    for number, row in enumerate(rows, 1):
        yield row
        if number % ROWS_WITHOUT_PAUSE == 0:
            await asyncio.sleep(0)


def channel_name(plugin_id: str, channel: str) -> str:
    """Returns the channel's name on the server; plugins may share a database, so it starts with the plugin's id."""
    return f"{plugin_id}:{channel}"

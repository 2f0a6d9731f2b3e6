"""A session on a SQLite connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from typing_extensions import override

from understage.defaults.database.channels import Channels
from understage.defaults.database.errors import DatabaseLockedError, TransactionError
from understage.defaults.database.names import quoted
from understage.defaults.database.placeholders import to_question_marks
from understage.defaults.database.session import Session
from understage.defaults.database.settings import SqliteSettings
from understage.defaults.database.sqlite.scripts import only_reads, split_statements
from understage.defaults.database.sqlite.worker import SqliteWorker
from understage.defaults.database.values import RowMaker, RowType, make_rows, sqlite_arguments, sqlite_maker, to_sqlite
from understage.errors import ServiceUnavailableError
from understage.plugin_api import Dialect

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB}
)


class SqliteSession(Session):
    """Runs statements in the worker thread of its connection.

    Args:
        worker: the thread.
        settings: what is connected to.
        channels: where notifications go.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, worker: SqliteWorker, settings: SqliteSettings, channels: Channels) -> None:
        self._worker = worker
        self._settings = settings
        self._channels = channels
        self._in_transaction = False

    @property
    @override
    def usable(self) -> bool:
        return not self._worker.closed

    @override
    async def fetch(self, query: str, args: Sequence[object], row_type: RowType | None) -> list[Any]:
        text, values = _bound(query, args)
        maker = None if row_type is None else sqlite_maker(row_type)
        return await self._run(lambda connection: _fetch(connection, text, values, maker))

    @override
    async def fetch_row(self, query: str, args: Sequence[object], row_type: RowType | None) -> Any:
        text, values = _bound(query, args)
        maker = None if row_type is None else sqlite_maker(row_type)
        fetch_one = _fetch_one if only_reads(query) else _fetch_first
        return await self._run(lambda connection: fetch_one(connection, text, values, maker))

    @override
    async def execute(self, query: str, args: Sequence[object]) -> int:
        text, values = _bound(query, args)
        return await self._run(lambda connection: _execute(connection, text, values))

    @override
    async def execute_many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        text, order, count = to_question_marks(query)
        given = list(rows)

        def run(connection: sqlite3.Connection) -> None:
            connection.executemany(text, [sqlite_arguments(row, order, count, query) for row in given])

        await self._run(run if self._in_transaction else _as_transaction(run))

    @override
    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        names = ", ".join(map(quoted, columns))
        text = f"INSERT INTO {quoted(table)} ({names}) VALUES ({', '.join('?' * len(columns))})"
        given = list(rows)

        def run(connection: sqlite3.Connection) -> None:
            connection.executemany(text, [[to_sqlite(value) for value in row] for row in given])

        await self._run(run if self._in_transaction else _as_transaction(run))

    @override
    async def run_script(self, script: str) -> None:
        def run(connection: sqlite3.Connection) -> None:
            for statement in split_statements(script):
                _still_open(connection)
                connection.execute(statement).close()
            _still_open(connection)

        await self._run(run)

    @override
    async def begin(self) -> None:
        # A transaction that only takes the write lock at its first write may find that another one came between.
        await self._worker.run(lambda connection: connection.execute("BEGIN IMMEDIATE"))
        self._in_transaction = True

    @override
    async def commit(self, notifications: Sequence[tuple[str, str]]) -> None:
        await self._run(lambda connection: connection.execute("COMMIT"))
        self._in_transaction = False
        for channel, payload in notifications:
            self._channels.publish(channel, payload)

    @override
    async def rollback(self) -> None:
        self._in_transaction = False
        if not self._worker.closed:
            await self._worker.run(_roll_back)

    @override
    async def savepoint(self, action: str, name: str) -> None:
        await self._run(lambda connection: connection.execute(f"{action} {name}"))

    @override
    async def check(self) -> bool:
        return self.usable

    @override
    def unavailable(self, error: BaseException) -> ServiceUnavailableError | None:
        return sqlite_unavailable(self._settings, error)

    @override
    async def close(self) -> None:
        with suppress(sqlite3.Error):
            await self._worker.close()

    async def _run(self, work: Work[T]) -> T:
        guarded = _in_transaction if self._in_transaction else _outside
        return await self._worker.run(lambda connection: guarded(connection, work))


def sqlite_unavailable(settings: SqliteSettings, error: BaseException) -> ServiceUnavailableError | None:
    """Returns what to raise for an error that means that the file is locked or cannot be used, else None."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _LOCKED:
        message = f"{settings.title()} has been locked by another process for {settings.busy_seconds:g} s"
        return DatabaseLockedError(message, error, retry_after=1)
    if code in _BROKEN:
        return ServiceUnavailableError(f"{settings.title()} cannot be used; see {settings.source}", error)
    return None


def _bound(query: str, args: Sequence[object]) -> tuple[str, list[object]]:
    text, order, count = to_question_marks(query)
    return text, sqlite_arguments(args, order, count, query)


def _fetch(connection: sqlite3.Connection, text: str, values: list[Any], maker: RowMaker | None) -> list[Any]:
    rows = connection.execute(text, values).fetchall()
    return rows if maker is None else make_rows(rows, maker)


def _fetch_one(connection: sqlite3.Connection, text: str, values: list[Any], maker: RowMaker | None) -> Any:
    cursor = connection.execute(text, values)
    row = cursor.fetchone()
    # An unfinished statement would keep its snapshot.
    cursor.close()
    return row if row is None or maker is None else maker(row)


def _fetch_first(connection: sqlite3.Connection, text: str, values: list[Any], maker: RowMaker | None) -> Any:
    # A statement that writes and returns rows is only done once all of them are read.
    rows = _fetch(connection, text, values, maker)
    return rows[0] if rows else None


def _execute(connection: sqlite3.Connection, text: str, values: list[Any]) -> int:
    cursor = connection.execute(text, values)
    if cursor.description is not None:
        cursor.fetchall()
    count = max(0, cursor.rowcount)
    cursor.close()
    return count


def _as_transaction(work: Work[None]) -> Work[None]:
    def run(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            work(connection)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise

    return run


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _still_open(connection: sqlite3.Connection) -> None:
    if not connection.in_transaction:
        raise TransactionError("SQLite has rolled the transaction back, or a statement of it has ended it")


def _in_transaction(connection: sqlite3.Connection, work: Work[T]) -> T:
    _still_open(connection)
    return work(connection)


def _outside(connection: sqlite3.Connection, work: Work[T]) -> T:
    result = work(connection)
    if connection.in_transaction:
        _roll_back(connection)
        raise TransactionError("a statement opened a transaction and left it open; use transaction() instead")
    return result

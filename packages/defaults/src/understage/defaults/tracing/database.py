"""Spans of statements. Imported only if they are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, overload

from opentelemetry import trace
from typing_extensions import TypeVar

from understage.defaults.tracing.spans import PLUGIN_ID, active_span, framework_tracer
from understage.plugin_api import Attributes, DatabaseConnection, DatabaseService, Dialect, Row
from understage.plugin_api.services.database import DatabaseMigrations

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

RowT = TypeVar("RowT")

_SYSTEMS = {"postgres": "postgresql", "sqlite": "sqlite"}


def statement_name(query: str) -> str:
    """Returns what a statement's span is called: its first word."""
    words = query.split(maxsplit=1)
    return words[0].upper() if words else "SQL"


def statement_attributes(dialect: Dialect, query: str, plugin_id: str) -> Attributes:
    """Returns what is known of a statement: its text, without values.

    Args:
        dialect: which SQL it is.
        query: its text.
        plugin_id: whose it is.
    """
    return {"db.system.name": _SYSTEMS[dialect], "db.query.text": query, PLUGIN_ID: plugin_id}


class TracedConnection:
    """Makes a span of each statement; its text is kept, its values are not.

    Args:
        inner: runs the statements.
        plugin_id: whose they are.
        tracer: makes the spans.
    """

    def __init__(self, inner: DatabaseConnection, plugin_id: str, tracer: trace.Tracer) -> None:
        self._connection = inner
        self._plugin_id = plugin_id
        self._tracer = tracer

    @property
    def dialect(self) -> Dialect:
        """Which SQL is spoken."""
        return self._connection.dialect

    @overload
    async def fetch(self, query: str, *args: object) -> list[Row]: ...
    @overload
    async def fetch(self, query: str, *args: object, row_type: type[RowT]) -> list[RowT]: ...
    async def fetch(self, query: str, *args: object, row_type: type[Any] | None = None) -> list[Any]:
        """Returns all rows of a query."""
        options: Any = {} if row_type is None else {"row_type": row_type}
        with self._span(query):
            rows: list[Any] = await self._connection.fetch(query, *args, **options)
            return rows

    @overload
    async def fetch_row(self, query: str, *args: object) -> Row | None: ...
    @overload
    async def fetch_row(self, query: str, *args: object, row_type: type[RowT]) -> RowT | None: ...
    async def fetch_row(self, query: str, *args: object, row_type: type[Any] | None = None) -> Any:
        """Returns the first row of a query, or None."""
        options: Any = {} if row_type is None else {"row_type": row_type}
        with self._span(query):
            return await self._connection.fetch_row(query, *args, **options)

    async def execute(self, query: str, *args: object) -> int:
        """Runs a statement and returns how many rows it touched."""
        with self._span(query):
            return await self._connection.execute(query, *args)

    async def execute_many(self, query: str, args: Iterable[Sequence[object]]) -> None:
        """Runs a statement once per row of arguments, all or none."""
        with self._span(query):
            await self._connection.execute_many(query, args)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Writes many rows at once."""
        with self._span(f"COPY {table}"):
            await self._connection.copy(table, columns, rows)

    async def notify(self, channel: str, payload: str = "") -> None:
        """Notifies all listeners of a channel."""
        await self._connection.notify(channel, payload)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DatabaseConnection]:
        """Opens a transaction, whose statements have spans, too."""
        async with self._connection.transaction() as opened:
            yield TracedConnection(opened, self._plugin_id, self._tracer)

    @contextmanager
    def _span(self, query: str) -> Iterator[None]:
        attributes = statement_attributes(self.dialect, query, self._plugin_id)
        with active_span(self._tracer, statement_name(query), trace.SpanKind.CLIENT, attributes):
            yield


class TracedDatabase(TracedConnection):
    """A plugin's database whose statements have spans, those of its SQLAlchemy engine included.

    Args:
        inner: the database.
        plugin_id: whose it is.
    """

    def __init__(self, inner: DatabaseService, plugin_id: str) -> None:
        super().__init__(inner, plugin_id, framework_tracer())
        self._database = inner
        self._traced_engine: AsyncEngine | None = None

    @property
    def migrations(self) -> DatabaseMigrations:
        """How migrations are to be run."""
        return self._database.migrations

    def listen(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Receives the payloads notified on a channel."""
        return self._database.listen(channel)

    async def migrate(self, package: str) -> None:
        """Brings the plugin's tables to the newest version."""
        with active_span(self._tracer, f"migrate {package}", trace.SpanKind.INTERNAL, {PLUGIN_ID: self._plugin_id}):
            await self._database.migrate(package)

    async def engine(self) -> AsyncEngine:
        """Returns a SQLAlchemy async engine on the same database."""
        engine = await self._database.engine()
        if engine is not self._traced_engine:
            from understage.defaults.tracing.sqlalchemy_engine import trace_engine

            trace_engine(engine, self.dialect, self._plugin_id, self._tracer)
            self._traced_engine = engine
        return engine

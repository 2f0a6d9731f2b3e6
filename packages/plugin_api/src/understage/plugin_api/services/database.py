"""The database service: one seam over Postgres and SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from typing_extensions import TypeVar

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

Dialect = Literal["postgres", "sqlite"]
Row = tuple[Any, ...]
RowT = TypeVar("RowT")


class DatabaseConnection(Protocol):
    """Runs statements, one for each call, with placeholders `$1`, `$2`, ... in both dialects.

    JSON is text. Times are aware `datetime`s; SQLite keeps them as UTC text of one width, which sorts as time does. A
    list is an array on Postgres (`= ANY($1)`) and JSON text on SQLite (`IN (SELECT value FROM json_each($1))`).

    A database that cannot be reached, is locked or goes away raises `ServiceUnavailableError`; other errors of the
    driver pass as they are.
    """

    @property
    def dialect(self) -> Dialect:
        """Which SQL is spoken: `postgres` or `sqlite`."""
        ...

    @overload
    async def fetch(self, query: str, *args: object) -> list[Row]: ...
    @overload
    async def fetch(self, query: str, *args: object, row_type: type[RowT]) -> list[RowT]: ...
    async def fetch(self, query: str, *args: object, row_type: type[Any] | None = None) -> list[Any]:
        """Returns all rows of a query: plain tuples, or instances of `row_type` made from the columns by position.

        Args:
            query: the statement.
            *args: values for `$1`, `$2`, ...
            row_type: a msgspec struct, dataclass or named tuple whose fields are the columns in order. Its fields of
                type bool, datetime, date, UUID and Decimal hold such values in both dialects.
        """
        ...

    @overload
    async def fetch_row(self, query: str, *args: object) -> Row | None: ...
    @overload
    async def fetch_row(self, query: str, *args: object, row_type: type[RowT]) -> RowT | None: ...
    async def fetch_row(self, query: str, *args: object, row_type: type[Any] | None = None) -> Any:
        """Returns the first row of a query, or None."""
        ...

    async def execute(self, query: str, *args: object) -> int:
        """Runs a statement and returns how many rows it touched."""
        ...

    async def execute_many(self, query: str, args: Iterable[Sequence[object]]) -> None:
        """Runs a statement once per row of arguments, all or none."""
        ...

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Writes many rows at once, the fastest way that the dialect has.

        Args:
            table: the table's name.
            columns: the columns that the rows fill.
            rows: the values; however many they are, others have the event loop in between.
        """
        ...

    async def notify(self, channel: str, payload: str = "") -> None:
        """Notifies all listeners of a channel; within a transaction, when it commits.

        Args:
            channel: the channel's name, of this plugin.
            payload: text of at most 7,900 bytes.
        """
        ...

    def transaction(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        """Opens a transaction: committed at the end of the block, rolled back when the block raises.

        Within a transaction it opens a nested one, which can be rolled back alone. As on Postgres, a statement that
        fails spoils its transaction in both dialects: only leaving the block, or the nested block around the statement,
        helps. On SQLite one transaction runs at a time, and others wait for it.
        """
        ...


class DatabaseMigrations(Protocol):
    """How this plugin's migrations are to be run."""

    @property
    def skip(self) -> bool:
        """Whether an operator runs them by other means, so that `migrate` does nothing."""
        ...


class DatabaseService(DatabaseConnection, Protocol):
    """A plugin's own database. Nothing is connected until the first statement.

    Each statement outside of `transaction` takes a connection of the pool and commits by itself.
    """

    @property
    def migrations(self) -> DatabaseMigrations:
        """How migrations are to be run."""
        ...

    def listen(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Receives the payloads notified on a channel, from all replicas on Postgres, in process on SQLite.

        Whatever is notified after the block was entered arrives, except while the connection is lost: an empty payload
        then says, once it is back, that something may have been missed. It says so too when a listener is so slow that
        its queue overflows. So treat a payload as a hint and read the state from tables.
        """
        ...

    async def migrate(self, package: str) -> None:
        """Brings the plugin's tables to the newest version; safe when several replicas do so at once.

        Each migration runs once, in a transaction of its own. Does nothing if `migrations.skip` is set.

        Args:
            package: the import name of a package with a folder `migrations` that holds `<number>_<name>.sql` for both
                dialects, or `<number>_<name>.postgres.sql` and `<number>_<name>.sqlite.sql`. Files once released must
                not change.

        Raises:
            ConflictError: the tables are a Node backend's, or an applied migration was changed or is unknown.
        """
        ...

    async def engine(self) -> AsyncEngine:
        """Returns a SQLAlchemy async engine on the same database, the same each time.

        Raises:
            UnsupportedOperationError: SQLAlchemy is not installed; the message names the command.
        """
        ...

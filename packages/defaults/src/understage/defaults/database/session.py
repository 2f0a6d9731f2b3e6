"""A session: one connection to a database, used by one caller at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from understage.defaults.database.values import RowType
from understage.errors import ServiceUnavailableError
from understage.plugin_api import Dialect


class Session(ABC):
    """What each dialect can do on one connection. Sessions live in a `SessionPool`."""

    dialect: Dialect

    @property
    @abstractmethod
    def usable(self) -> bool:
        """Whether the connection is open and outside of any transaction."""

    @abstractmethod
    async def fetch(self, query: str, args: Sequence[object], row_type: RowType | None) -> list[Any]:
        """Returns all rows."""

    @abstractmethod
    async def fetch_row(self, query: str, args: Sequence[object], row_type: RowType | None) -> Any:
        """Returns the first row or None."""

    @abstractmethod
    async def execute(self, query: str, args: Sequence[object]) -> int:
        """Runs a statement and returns how many rows it touched."""

    @abstractmethod
    async def execute_many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """Runs a statement for each row of arguments, all or none."""

    @abstractmethod
    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Writes many rows."""

    @abstractmethod
    async def run_script(self, script: str) -> None:
        """Runs several statements within the open transaction; fails if they end it."""

    @abstractmethod
    async def begin(self) -> None:
        """Opens a transaction that may write."""

    @abstractmethod
    async def commit(self, notifications: Sequence[tuple[str, str]]) -> None:
        """Commits the open transaction and sends notifications, each a channel and a payload, with it.

        Raises:
            TransactionError: the database had rolled it back.
        """

    @abstractmethod
    async def rollback(self) -> None:
        """Rolls back the open transaction, if there is one."""

    @abstractmethod
    async def savepoint(self, action: str, name: str) -> None:
        """Runs `SAVEPOINT`, `RELEASE SAVEPOINT` or `ROLLBACK TO SAVEPOINT`."""

    @abstractmethod
    async def check(self) -> bool:
        """Tells whether the other side still answers."""

    @abstractmethod
    def unavailable(self, error: BaseException) -> ServiceUnavailableError | None:
        """Returns what to raise instead if the error means that the database is away or locked."""

    @abstractmethod
    async def close(self) -> None:
        """Closes the connection; never raises."""

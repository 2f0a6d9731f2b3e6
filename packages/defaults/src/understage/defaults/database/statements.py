"""Statements on whatever lends a session: a pool, or an open transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, overload

from typing_extensions import TypeVar

from understage.defaults.database.session import Session
from understage.plugin_api import Row

RowT = TypeVar("RowT")


class Statements(ABC):
    """Runs each statement on a session that is borrowed for it."""

    @overload
    async def fetch(self, query: str, *args: object) -> list[Row]: ...
    @overload
    async def fetch(self, query: str, *args: object, row_type: type[RowT]) -> list[RowT]: ...
    async def fetch(self, query: str, *args: object, row_type: type[Any] | None = None) -> list[Any]:
        """Returns all rows of a query."""
        session = self._borrow_nowait(query) or await self._borrow(query)
        try:
            return await session.fetch(query, args, row_type)
        except BaseException as error:
            self._fail(session, error)
            raise
        finally:
            self._give_back(session)

    @overload
    async def fetch_row(self, query: str, *args: object) -> Row | None: ...
    @overload
    async def fetch_row(self, query: str, *args: object, row_type: type[RowT]) -> RowT | None: ...
    async def fetch_row(self, query: str, *args: object, row_type: type[Any] | None = None) -> Any:
        """Returns the first row of a query, or None."""
        session = self._borrow_nowait(query) or await self._borrow(query)
        try:
            return await session.fetch_row(query, args, row_type)
        except BaseException as error:
            self._fail(session, error)
            raise
        finally:
            self._give_back(session)

    async def execute(self, query: str, *args: object) -> int:
        """Runs a statement and returns how many rows it touched."""
        session = self._borrow_nowait() or await self._borrow()
        try:
            return await session.execute(query, args)
        except BaseException as error:
            self._fail(session, error)
            raise
        finally:
            self._give_back(session)

    async def execute_many(self, query: str, args: Iterable[Sequence[object]]) -> None:
        """Runs a statement once per row of arguments, all or none."""
        session = self._borrow_nowait() or await self._borrow()
        try:
            await session.execute_many(query, args)
        except BaseException as error:
            self._fail(session, error)
            raise
        finally:
            self._give_back(session)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Writes many rows at once."""
        session = self._borrow_nowait() or await self._borrow()
        try:
            await session.copy(table, columns, rows)
        except BaseException as error:
            self._fail(session, error)
            raise
        finally:
            self._give_back(session)

    @abstractmethod
    def _borrow_nowait(self, query: str | None = None) -> Session | None:
        """Returns a session if there is one at once; the query tells whether one that only reads will do."""

    @abstractmethod
    async def _borrow(self, query: str | None = None) -> Session:
        """Returns a session."""

    @abstractmethod
    def _give_back(self, session: Session) -> None:
        """Takes the session back."""

    def _fail(self, session: Session, error: BaseException) -> None:
        """Raises what is to be raised instead of a driver's error, if anything."""
        unavailable = session.unavailable(error)
        if unavailable is not None:
            raise unavailable

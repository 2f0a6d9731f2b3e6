"""A plugin's database on SQLite: one connection that writes and, for a file, some that read beside it."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Literal

from understage.defaults.database.budget import ConnectionBudget
from understage.defaults.database.channels import Channels, check_notification
from understage.defaults.database.database import PluginDatabase
from understage.defaults.database.pool import PoolLimits, SessionPool
from understage.defaults.database.session import Session
from understage.defaults.database.settings import SqliteSettings
from understage.defaults.database.sqlite.connect import connector
from understage.defaults.database.sqlite.scripts import only_reads
from understage.defaults.database.sqlite.session import SqliteSession, sqlite_unavailable
from understage.defaults.database.sqlite.worker import SqliteWorker
from understage.defaults.database.transaction import OpenTransaction
from understage.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from understage.defaults.database.online_migrations import Execute

_MEMORY_NAMES = itertools.count(1)


class SqliteDatabase(PluginDatabase):
    """A plugin's SQLite file or database in memory.

    Args:
        settings: which one.
    """

    def __init__(self, settings: SqliteSettings) -> None:
        self._settings = settings
        self._channels = Channels()
        self._memory_name = f"understage-{os.getpid()}-{next(_MEMORY_NAMES)}"
        self._writer_opened = asyncio.Lock()
        self._file_ready = False
        # The writer stays open: a database in memory lives as long as its connection does.
        writer = PoolLimits(1, 1, settings.limits.acquire_seconds)
        title = settings.title()
        super().__init__(
            settings.plugin_id,
            SessionPool(self._open_writer, title=title, limits=writer, budget=ConnectionBudget(1)),
            skip_migrations=settings.skip_migrations,
        )
        self._readers: SessionPool | None = None
        if settings.path is not None:
            budget = ConnectionBudget(settings.limits.maximum)
            self._readers = SessionPool(self._open_reader, title=title, limits=settings.limits, budget=budget)

    @property
    def dialect(self) -> Literal["sqlite"]:
        """Which SQL is spoken."""
        return "sqlite"

    async def notify(self, channel: str, payload: str = "") -> None:
        """Notifies all listeners of a channel in this process."""
        check_notification(channel, payload)
        self._channels.publish(channel, payload)

    def listen(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Receives the payloads notified on a channel in this process."""
        return self._channels.listen(channel)

    async def lock_migrations(self, transaction: OpenTransaction) -> None:
        """Does nothing: a transaction that may write is alone from its first statement."""

    @asynccontextmanager
    async def run_alone(self, name: str) -> AsyncIterator[Execute | None]:
        """Gives what runs statements; there is one writer anyway, and each statement can be repeated."""

        async def execute(statement: str) -> int:
            return await self.execute(statement)

        yield execute

    async def close(self) -> None:
        """Closes all connections."""
        await self._stop_migrations()
        if self._readers is not None:
            await self._readers.close()
        await super().close()

    async def engine(self) -> AsyncEngine:
        """Returns a SQLAlchemy async engine on the same database, the same each time."""
        # The writer creates the file or the memory, and checks that it may be used.
        await self.fetch("SELECT 1")
        return await super().engine()

    def _create_engine(self) -> AsyncEngine:
        from understage.defaults.database.sqlite.engine import create_engine

        return create_engine(self._settings, self._memory_name)

    async def _open_writer(self) -> SqliteSession:
        session = await self._open(reads_only=False)
        self._file_ready = True
        return session

    async def _open_reader(self) -> SqliteSession:
        async with self._writer_opened:
            if not self._file_ready:
                # The writer creates the file, and checks that it may be used.
                self._pool.release(await self._pool.acquire())
        return await self._open(reads_only=True)

    async def _open(self, *, reads_only: bool) -> SqliteSession:
        connect = connector(self._settings, self._memory_name, reads_only=reads_only)
        worker = SqliteWorker(connect, name=f"sqlite-{self.plugin_id}-{'reader' if reads_only else 'writer'}")
        try:
            await worker.open()
        except OSError as error:
            raise ServiceUnavailableError(f"{self._settings.title()} cannot be opened", error) from error
        except Exception as error:
            unavailable = sqlite_unavailable(self._settings, error)
            if unavailable is not None:
                raise unavailable from error
            raise
        return SqliteSession(worker, self._settings, self._channels)

    def _borrow_nowait(self, query: str | None = None) -> Session | None:
        return self._pool_for(query).acquire_nowait()

    async def _borrow(self, query: str | None = None) -> Session:
        return await self._pool_for(query).acquire()

    def _give_back(self, session: Session) -> None:
        pool = self._pool if self._readers is None or session not in self._readers else self._readers
        pool.release(session)

    def _pool_for(self, query: str | None) -> SessionPool:
        if self._readers is None or query is None or not only_reads(query):
            return self._pool
        return self._readers

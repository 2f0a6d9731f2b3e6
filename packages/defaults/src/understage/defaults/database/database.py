"""A plugin's database, as the service hands it out."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understage.defaults.database.pool import SessionPool
from understage.defaults.database.session import Session
from understage.defaults.database.statements import Statements
from understage.defaults.database.transaction import OpenTransaction, TransactionScope
from understage.plugin_api import Dialect, LoggerService

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from understage.defaults.database.online_migrations import Execute


@dataclass(frozen=True, slots=True)
class Migrations:
    """How migrations are to be run.

    Attributes:
        skip: whether an operator runs them by other means.
    """

    skip: bool = False


class PluginDatabase(Statements):
    """What both dialects share: transactions, migrations, the engine.

    Args:
        plugin_id: whose database it is.
        pool: lends sessions that may write.
        skip_migrations: whether an operator runs the migrations.

    Attributes:
        logger: where migrations that run beside the work are reported.
    """

    def __init__(self, plugin_id: str, pool: SessionPool, *, skip_migrations: bool) -> None:
        self.plugin_id = plugin_id
        self._pool = pool
        self._migrations = Migrations(skip_migrations)
        self._online: list[asyncio.Task[None]] = []
        self._engine: AsyncEngine | None = None
        self.logger: LoggerService | None = None
        self._creating_engine = asyncio.Lock()

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """Which SQL is spoken."""

    @property
    def migrations(self) -> Migrations:
        """How migrations are to be run."""
        return self._migrations

    def transaction(self) -> AbstractAsyncContextManager[OpenTransaction]:
        """Opens a transaction: committed at the end of the block, rolled back when the block raises."""
        return TransactionScope(self._pool)

    @abstractmethod
    async def notify(self, channel: str, payload: str = "") -> None:
        """Notifies all listeners of a channel."""

    @abstractmethod
    def listen(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Receives the payloads notified on a channel."""

    async def migrate(self, package: str) -> None:
        """Brings the plugin's tables to the newest version; does nothing if migrations are to be skipped."""
        if self._migrations.skip:
            return
        from understage.defaults.database.migration_files import read_migrations
        from understage.defaults.database.migrations import run_migrations

        migrations = await asyncio.to_thread(read_migrations, package, self.dialect)
        await run_migrations(self, package, migrations)
        online = [migration for migration in migrations if migration.is_online]
        if online:
            from understage.defaults.database.online_migrations import run_online_migrations

            self._online.append(asyncio.create_task(run_online_migrations(self, package, online)))

    async def finish_migrations(self) -> None:
        """Waits until the migrations that run beside the work are done, by this or another replica."""
        await asyncio.gather(*self._online)

    async def _stop_migrations(self) -> None:
        """Breaks off what runs beside the work; whoever starts next takes it up."""
        for task in self._online:
            task.cancel()
        await asyncio.gather(*self._online, return_exceptions=True)

    async def engine(self) -> AsyncEngine:
        """Returns a SQLAlchemy async engine on the same database, the same each time."""
        async with self._creating_engine:
            if self._engine is None:
                # The import alone takes long enough to be felt by others on the loop.
                self._engine = await asyncio.to_thread(self._create_engine)
        return self._engine

    async def close(self) -> None:
        """Closes all connections."""
        await self._stop_migrations()
        if self._engine is not None:
            await self._engine.dispose()
        await self._pool.close()

    @abstractmethod
    async def lock_migrations(self, transaction: OpenTransaction) -> None:
        """Makes sure that nobody else migrates this database until the transaction ends."""

    @abstractmethod
    def run_alone(self, name: str) -> AbstractAsyncContextManager[Execute | None]:
        """Gives what runs statements outside of transactions while no other process does so, or None if one does.

        Args:
            name: what must not be done twice at once.
        """

    @abstractmethod
    def _create_engine(self) -> AsyncEngine:
        """Creates the engine; runs in a thread."""

    def _borrow_nowait(self, query: str | None = None) -> Session | None:
        return self._pool.acquire_nowait()

    async def _borrow(self, query: str | None = None) -> Session:
        return await self._pool.acquire()

    def _give_back(self, session: Session) -> None:
        self._pool.release(session)

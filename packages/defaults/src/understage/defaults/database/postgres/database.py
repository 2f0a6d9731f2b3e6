"""A plugin's database on Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Literal

from understage.defaults.database.channels import check_notification
from understage.defaults.database.database import PluginDatabase
from understage.defaults.database.pool import SessionPool
from understage.defaults.database.postgres.connect import PostgresConnector
from understage.defaults.database.postgres.listener import PostgresListener
from understage.defaults.database.postgres.session import NOTIFY, PostgresSession, channel_name
from understage.defaults.database.server import DatabaseServer
from understage.defaults.database.settings import PostgresSettings
from understage.defaults.database.transaction import OpenTransaction
from understage.integration.access_tokens import TokenHttpClient

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from understage.defaults.database.online_migrations import Execute

# An advisory lock has a number for a name; this one is ours in every database.
_MIGRATION_LOCK = 0x756E6465
_ONLINE_LOCK = 0x756E6466


class PostgresPool(SessionPool):
    """A pool of connections that are set up alike.

    Args:
        settings: what to connect to.
        server: what is shared with other pools on the same server.
        http_client: asks for tokens, where a cloud lets the connections in by one.
    """

    def __init__(
        self, settings: PostgresSettings, server: DatabaseServer, http_client: TokenHttpClient | None = None
    ) -> None:
        self.connector = PostgresConnector(settings, server.creating, http_client)
        self._settings = settings
        super().__init__(self._open_postgres, title=settings.title(), limits=settings.limits, budget=server.connections)

    async def _open_postgres(self) -> PostgresSession:
        return PostgresSession(await self.connector.connect(), self._settings)


class PostgresDatabase(PluginDatabase):
    """A plugin's database or schema on a Postgres server.

    Args:
        settings: which one.
        pool: its connections, maybe shared with other plugins.
    """

    def __init__(self, settings: PostgresSettings, pool: PostgresPool) -> None:
        super().__init__(settings.plugin_id, pool, skip_migrations=settings.skip_migrations)
        self._settings = settings
        self._connector = pool.connector
        self._listener = PostgresListener(self._connector.connect, settings)

    @property
    def dialect(self) -> Literal["postgres"]:
        """Which SQL is spoken."""
        return "postgres"

    async def notify(self, channel: str, payload: str = "") -> None:
        """Notifies all listeners of a channel, of all replicas."""
        await self.execute(NOTIFY, self._channel(channel, payload), payload)

    def listen(self, channel: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Receives the payloads notified on a channel."""
        return self._listener.listen(self._channel(channel))

    async def lock_migrations(self, transaction: OpenTransaction) -> None:
        """Waits until no other replica migrates; the lock goes with the transaction."""
        schema = self._settings.schema or ""
        await transaction.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _MIGRATION_LOCK, schema)

    @asynccontextmanager
    async def run_alone(self, name: str) -> AsyncIterator[Execute | None]:
        """Gives what runs statements on a connection of their own while no other process does so."""
        session = PostgresSession(await self._connector.connect(), self._settings)
        try:
            # Tried, not waited for: who waits in a statement holds up indexes that are built concurrently.
            row = await session.fetch_row(
                "SELECT pg_try_advisory_lock($1, hashtext($2))",
                (_ONLINE_LOCK, f"{self._settings.schema or ''}:{name}"),
                None,
            )

            async def execute(statement: str) -> int:
                return await session.execute(statement, ())

            yield execute if row[0] else None
        finally:
            await session.close()

    async def close(self) -> None:
        """Closes all connections."""
        await self._listener.close()
        await super().close()

    def _create_engine(self) -> AsyncEngine:
        from understage.defaults.database.postgres.engine import create_engine

        return create_engine(self._settings, self._connector.connect)

    def _channel(self, channel: str, payload: str = "") -> str:
        check_notification(channel, payload, prefix=channel_name(self.plugin_id, ""))
        return channel_name(self.plugin_id, channel)

"""The databases of all plugins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from understage.config import Config
from understage.defaults.database.budget import ConnectionBudget
from understage.defaults.database.config import read_settings
from understage.defaults.database.database import PluginDatabase
from understage.defaults.database.server import DatabaseServer
from understage.defaults.database.settings import DatabaseSettings, PostgresSettings
from understage.integration.access_tokens import TokenHttpClient
from understage.plugin_api import DatabaseService, LoggerService

if TYPE_CHECKING:
    from understage.defaults.database.postgres.database import PostgresPool


class DatabaseManager:
    """Gives each plugin its own database, and shares connections where it may.

    Pools are shared by plugins whose connections are the same in everything that is set on them; the connections to
    one server are limited together.

    Args:
        config: the whole configuration.
        logger: gets warnings about settings without effect.
        skip_migrations: beats the configuration if it is given.
        http_client: asks for tokens, where a cloud lets connections in by one.
    """

    def __init__(
        self,
        config: Config,
        *,
        logger: LoggerService | None = None,
        skip_migrations: bool | None = None,
        http_client: TokenHttpClient | None = None,
    ) -> None:
        self._config = config
        self._logger = logger
        self._http_client = http_client
        self._skip_migrations = skip_migrations
        self._databases: dict[str, PluginDatabase] = {}
        self._pools: dict[tuple[object, ...], PostgresPool] = {}
        self._servers: dict[tuple[object, ...], DatabaseServer] = {}

    def for_plugin(self, plugin_id: str) -> DatabaseService:
        """Returns a plugin's database, the same each time. Nothing is connected yet.

        Raises:
            ConfigError: the configuration of the database is wrong.
        """
        if plugin_id not in self._databases:
            settings, warnings = read_settings(self._config, plugin_id)
            for warning in warnings:
                if self._logger is not None:
                    self._logger.warning(warning, plugin=plugin_id)
            if self._skip_migrations is not None:
                settings = replace(settings, skip_migrations=self._skip_migrations)
            self._databases[plugin_id] = self._create(settings)
            self._databases[plugin_id].logger = self._logger
        return self._databases[plugin_id]

    async def close(self) -> None:
        """Closes all connections, of all plugins at once."""
        await asyncio.gather(*(database.close() for database in self._databases.values()))

    def _create(self, settings: DatabaseSettings) -> PluginDatabase:
        if not isinstance(settings, PostgresSettings):
            from understage.defaults.database.sqlite.database import SqliteDatabase

            return SqliteDatabase(settings)
        from understage.defaults.database.postgres.database import PostgresDatabase, PostgresPool

        key = settings.connection_key()
        if key not in self._pools:
            new = DatabaseServer(ConnectionBudget(settings.server_connections))
            server = self._servers.setdefault(settings.server_key(), new)
            self._pools[key] = PostgresPool(settings, server, self._http_client)
        return PostgresDatabase(settings, self._pools[key])

"""The factory of the database service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understage.defaults.root_lifecycle.root_lifecycle import close_after_shutdown
from understage.defaults.telemetry.switch import is_enabled
from understage.plugin_api import (
    DatabaseService,
    PluginMetadata,
    RootConfig,
    RootHttpClient,
    RootLifecycle,
    RootLogger,
    ServiceFactory,
    core_services,
    create_service_factory,
)

if TYPE_CHECKING:
    from understage.defaults.database.manager import DatabaseManager


def database_service_factory(*, skip_migrations: bool | None = None) -> ServiceFactory[DatabaseService]:
    """Creates the factory that gives each plugin the database that `backend.database` describes.

    Args:
        skip_migrations: whether plugins leave their migrations alone; beats the configuration if it is given.
    """

    def create_manager(
        config: RootConfig, lifecycle: RootLifecycle, logger: RootLogger, http_client: RootHttpClient
    ) -> DatabaseManager:
        from understage.defaults.database.manager import DatabaseManager

        manager = DatabaseManager(config, logger=logger, skip_migrations=skip_migrations, http_client=http_client)
        close_after_shutdown(lifecycle, manager.close)
        return manager

    @create_service_factory(service=core_services.database, create_root_context=create_manager)
    def factory(config: RootConfig, plugin: PluginMetadata, root_context: DatabaseManager) -> DatabaseService:
        database = root_context.for_plugin(plugin.id)
        if is_enabled(config, "tracing"):
            from understage.defaults.tracing.database import TracedDatabase

            return TracedDatabase(database, plugin.id)
        return database

    return factory

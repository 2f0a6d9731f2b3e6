"""A database for tests: SQLite in memory."""

from __future__ import annotations

from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager
from understage.plugin_api import (
    DatabaseService,
    PluginMetadata,
    RootLifecycle,
    ServiceFactory,
    core_services,
    create_service_factory,
)

_IN_MEMORY = {"backend": {"database": {"client": "better-sqlite3", "connection": ":memory:"}}}


def create_memory_databases() -> DatabaseManager:
    """Returns databases in memory, a fresh one for each plugin."""
    return DatabaseManager(config_from_data(_IN_MEMORY))


def memory_database_factory() -> ServiceFactory[DatabaseService]:
    """Returns a factory of databases in memory, a fresh one for each plugin and backend."""

    def create_manager(lifecycle: RootLifecycle) -> DatabaseManager:
        manager = create_memory_databases()
        lifecycle.add_shutdown_hook(manager.close)
        return manager

    @create_service_factory(service=core_services.database, create_root_context=create_manager)
    def factory(plugin: PluginMetadata, root_context: DatabaseManager) -> DatabaseService:
        return root_context.for_plugin(plugin.id)

    return factory

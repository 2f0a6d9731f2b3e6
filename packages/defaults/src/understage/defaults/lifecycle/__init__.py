"""The lifecycle service: a plugin's hooks around start and stop."""

from understage.defaults.lifecycle.lifecycle import DefaultLifecycle
from understage.plugin_api import LifecycleService, Logger, PluginMetadata, core_services, create_service_factory

__all__ = ["DefaultLifecycle", "lifecycle_service_factory"]


@create_service_factory(service=core_services.lifecycle)
def lifecycle_service_factory(logger: Logger, plugin: PluginMetadata) -> LifecycleService:
    """Provides each plugin's lifecycle."""
    return DefaultLifecycle(logger, owner=f"plugin '{plugin.id}'")

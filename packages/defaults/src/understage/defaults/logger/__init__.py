"""The logger service: a plugin's logger."""

from understage.plugin_api import LoggerService, PluginMetadata, RootLogger, core_services, create_service_factory

__all__ = ["logger_service_factory"]


@create_service_factory(service=core_services.logger)
def logger_service_factory(root_logger: RootLogger, plugin: PluginMetadata) -> LoggerService:
    """Provides each plugin with a logger whose entries carry the plugin's id as `plugin`."""
    return root_logger.child(plugin=plugin.id)

"""The root system metadata service: which plugins the whole installation holds."""

from __future__ import annotations

from collections.abc import Sequence

from understage.config import Config
from understage.plugin_api import (
    RootConfig,
    RootInstanceMetadata,
    RootInstanceMetadataService,
    RootSystemMetadataService,
    SystemPlugin,
    core_services,
    create_service_factory,
)

__all__ = ["DefaultRootSystemMetadata", "root_system_metadata_service_factory"]


class DefaultRootSystemMetadata:
    """Knows this backend's plugins, and those that `discovery.endpoints` places somewhere.

    Args:
        config: the whole configuration; it is read anew each time.
        instance: knows this backend's plugins.
    """

    def __init__(self, config: Config, instance: RootInstanceMetadataService) -> None:
        self._config = config
        self._instance = instance

    async def get_installed_plugins(self) -> Sequence[SystemPlugin]:
        """Returns the plugins, each once, this backend's first.

        Raises:
            ConfigError: an endpoint of the configuration names no plugins.
        """
        from understage.defaults.discovery.config import SECTION, DiscoveryConfig

        plugin_ids = [plugin.plugin_id for plugin in await self._instance.get_installed_plugins()]
        for endpoint in self._config.read(DiscoveryConfig, SECTION).endpoints:
            plugin_ids += [plugin_id for plugin_id in endpoint.plugins if plugin_id != "*"]
        return [SystemPlugin(plugin_id) for plugin_id in dict.fromkeys(plugin_ids)]


@create_service_factory(service=core_services.root_system_metadata, initialization="lazy")
def root_system_metadata_service_factory(
    config: RootConfig, instance: RootInstanceMetadata
) -> RootSystemMetadataService:
    """Provides the metadata of the installation."""
    return DefaultRootSystemMetadata(config, instance)

"""Metadata services for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understage.plugin_api import InstalledModule, InstalledPlugin


@dataclass(frozen=True, slots=True)
class MockPluginMetadata:
    """Says which plugin a service instance belongs to.

    Attributes:
        id: the plugin's id.
    """

    id: str = "test"


class MockRootInstanceMetadata:
    """Says which plugins are installed.

    Args:
        plugins: ids of modules by the id of their plugin.
    """

    def __init__(self, plugins: Mapping[str, Sequence[str]] | None = None) -> None:
        self._plugins = [
            InstalledPlugin(plugin_id, [InstalledModule(module_id) for module_id in module_ids])
            for plugin_id, module_ids in (plugins or {}).items()
        ]

    async def get_installed_plugins(self) -> Sequence[InstalledPlugin]:
        """Returns the plugins with their modules."""
        return self._plugins

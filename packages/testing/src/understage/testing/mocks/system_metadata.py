"""A system metadata service for tests."""

from __future__ import annotations

from collections.abc import Sequence

from understage.plugin_api import SystemPlugin


class MockRootSystemMetadata:
    """Says which plugins the installation holds.

    Args:
        plugin_ids: their ids.
    """

    def __init__(self, plugin_ids: Sequence[str] = ()) -> None:
        self._plugins = [SystemPlugin(plugin_id) for plugin_id in plugin_ids]

    async def get_installed_plugins(self) -> Sequence[SystemPlugin]:
        """Returns the plugins."""
        return self._plugins

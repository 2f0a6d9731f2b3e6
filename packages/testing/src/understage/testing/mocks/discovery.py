"""A discovery service for tests."""

from __future__ import annotations

from urllib.parse import quote


class MockDiscovery:
    """Finds every plugin at one backend, by default at a port where nobody can listen, so that stray calls fail.

    Args:
        base_url: the backend's root address, without a trailing slash.
    """

    def __init__(self, base_url: str = "http://localhost:0") -> None:
        self._base_url = base_url

    async def get_base_url(self, plugin_id: str) -> str:
        """Returns the plugin's address for backends."""
        return f"{self._base_url}/api/{quote(plugin_id, safe='')}"

    async def get_external_base_url(self, plugin_id: str) -> str:
        """Returns the plugin's address for browsers: the same."""
        return await self.get_base_url(plugin_id)

"""The discovery service: where plugins are."""

from typing import Protocol


class DiscoveryService(Protocol):
    """Finds the address of a plugin's root, such as `http://localhost:7007/api/catalog`."""

    async def get_base_url(self, plugin_id: str) -> str:
        """Returns the address for backends; no trailing slash."""
        ...

    async def get_external_base_url(self, plugin_id: str) -> str:
        """Returns the address for browsers and outside callers; no trailing slash."""
        ...

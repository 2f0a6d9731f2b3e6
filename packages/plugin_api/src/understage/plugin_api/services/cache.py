"""The cache service: values that may be forgotten at any moment."""

from datetime import timedelta
from typing import Any, Protocol

TimeToLive = int | float | timedelta
"""How long a value is kept: milliseconds or a timedelta; 0 means for as long as there is room."""


class CacheService(Protocol):
    """A plugin's own cache. Keys of different plugins never meet.

    Values are what JSON can hold. A store that cannot be reached is logged and looks empty: nothing here raises for it,
    so a caller must be able to make every value anew.
    """

    async def get(self, key: str) -> Any:
        """Returns a value, or None if there is none: never set, expired, forgotten, or the store is out of reach.

        Args:
            key: any text.
        """
        ...

    async def set(self, key: str, value: Any, *, ttl: TimeToLive | None = None) -> None:
        """Stores a value.

        Args:
            key: any text.
            value: what JSON can hold.
            ttl: how long to keep it, in milliseconds or as a timedelta; by default as the options or the configuration
                say, else for as long as there is room.

        Raises:
            InputError: JSON cannot hold the value, or the ttl is negative.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forgets a value.

        Args:
            key: any text.
        """
        ...

    def with_options(self, *, default_ttl: TimeToLive | None = None) -> "CacheService":
        """Returns the same cache with other defaults.

        Args:
            default_ttl: how long values are kept that are set without a ttl, in milliseconds or as a timedelta.
        """
        ...

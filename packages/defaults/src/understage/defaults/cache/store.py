"""What keeps the values of a cache."""

from typing import Protocol


class CacheStore(Protocol):
    """Keeps bytes under keys. Keys are ASCII without blanks, of at most 250 characters."""

    async def get(self, key: str) -> bytes | None:
        """Returns what is kept under a key, or None."""
        ...

    async def set(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        """Keeps a value.

        Args:
            key: the key.
            value: the value.
            ttl_seconds: after how many seconds it is forgotten, or None for as long as there is room.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forgets a value."""
        ...

    async def close(self) -> None:
        """Closes what connects to the store."""
        ...

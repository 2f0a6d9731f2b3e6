"""A store in this process: the values used last, within a limit of size."""

import time
from collections import OrderedDict
from collections.abc import Callable

LIMIT_BYTES = 64 * 1024 * 1024
# What an entry costs besides its bytes: two objects, a tuple and a place in the table.
ENTRY_BYTES = 300


class MemoryStore:
    """Keeps values until they expire or the room is needed for others; the one that was unused for longest goes first.

    Args:
        limit_bytes: how much it holds together; a larger value is not kept at all.
        clock: tells the time, in seconds since any moment.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit_bytes
        self._clock = clock
        self._size = 0
        self._entries: OrderedDict[str, tuple[bytes, float | None]] = OrderedDict()

    @property
    def size(self) -> int:
        """How many bytes the values take."""
        return self._size

    async def get(self, key: str) -> bytes | None:
        """Returns what is kept under a key, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, expires_at = entry
        if expires_at is not None and self._clock() >= expires_at:
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return value

    async def set(self, key: str, value: bytes, ttl_seconds: float | None) -> None:
        """Keeps a value, and drops others if it has to."""
        self._forget(key)
        cost = _cost(key, value)
        if cost > self._limit:
            return
        self._entries[key] = (value, None if ttl_seconds is None else self._clock() + ttl_seconds)
        self._size += cost
        while self._size > self._limit:
            self._forget(next(iter(self._entries)))

    async def delete(self, key: str) -> None:
        """Forgets a value."""
        self._forget(key)

    async def close(self) -> None:
        """Forgets everything."""
        self._entries.clear()
        self._size = 0

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= _cost(key, entry[0])


def _cost(key: str, value: bytes) -> int:
    return len(key) + len(value) + ENTRY_BYTES

"""The cache of a plugin: JSON values on a store that plugins share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from understage.defaults.cache.keys import store_key
from understage.defaults.cache.store import CacheStore
from understage.errors import InputError
from understage.plugin_api import TimeToLive


class DefaultCache:
    """Values of one plugin, as JSON.

    Args:
        store: keeps them.
        plugin_id: whose values they are.
        default_ttl: how long values are kept that are set without a ttl, or None for as long as there is room.
    """

    def __init__(self, store: CacheStore, plugin_id: str = "", *, default_ttl: TimeToLive | None = None) -> None:
        self._store = store
        self._plugin_id = plugin_id
        self._default_seconds = ttl_seconds(default_ttl)

    def for_plugin(self, plugin_id: str) -> DefaultCache:
        """Returns the cache of a plugin on the same store."""
        return self._copy(plugin_id, self._default_seconds)

    async def get(self, key: str) -> Any:
        """Returns a value, or None if there is none."""
        stored = await self._store.get(store_key(self._plugin_id, key))
        if stored is None:
            return None
        try:
            return msgspec.json.decode(stored)
        except msgspec.DecodeError:
            return None  # somebody else's value: as good as none

    async def set(self, key: str, value: Any, *, ttl: TimeToLive | None = None) -> None:
        """Stores a value.

        Raises:
            InputError: JSON cannot hold the value, or the ttl is negative.
        """
        seconds = self._default_seconds if ttl is None else ttl_seconds(ttl)
        await self._store.set(store_key(self._plugin_id, key), _encode(key, value), seconds)

    async def delete(self, key: str) -> None:
        """Forgets a value."""
        await self._store.delete(store_key(self._plugin_id, key))

    def with_options(self, *, default_ttl: TimeToLive | None = None) -> DefaultCache:
        """Returns the same cache with another default ttl.

        Raises:
            InputError: the ttl is negative.
        """
        return self._copy(self._plugin_id, self._default_seconds if default_ttl is None else ttl_seconds(default_ttl))

    def _copy(self, plugin_id: str, default_seconds: float | None) -> DefaultCache:
        copy = DefaultCache(self._store, plugin_id)
        copy._default_seconds = default_seconds
        return copy


def ttl_seconds(ttl: TimeToLive | None) -> float | None:
    """Returns a ttl in seconds, or None for one without an end.

    Args:
        ttl: milliseconds or a timedelta; 0 and None have no end.

    Raises:
        InputError: it is negative.
    """
    if ttl is None:
        return None
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl / 1000
    if not seconds >= 0:
        raise InputError(f"a cached value cannot be kept for {ttl}; give milliseconds or a timedelta, not below 0")
    return seconds or None


def _encode(key: str, value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InputError(f"the value for the cache key '{key}' cannot be written as JSON", error) from error

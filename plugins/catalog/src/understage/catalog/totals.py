"""Counts of entities, remembered until something changes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from understage.catalog.database import reads
from understage.catalog.query.predicates import Predicate
from understage.plugin_api import DatabaseService

T = TypeVar("T")

CHANGES_CHANNEL = "catalog_changes"
MAX_ENTRIES = 1000
MAX_AGE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    generation: int
    made_at: float


class Totals:
    """Counts that listings and facets need; the same ones are asked for again and again.

    A change in this process invalidates them at once, one in another replica as soon as its notification arrives, and
    if that is lost, after ten seconds.

    Args:
        database: the catalog's database.
        clock: seconds that never go back.
    """

    def __init__(self, database: DatabaseService, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._generation = 0
        self._entries: OrderedDict[object, _Entry] = OrderedDict()

    def invalidate(self) -> None:
        """Forgets everything, because what is served has changed."""
        self._generation += 1
        self._entries.clear()

    async def count(self, predicate: Predicate, sort_key: str | None) -> int:
        """Returns how many entities match and have a value for the sort key."""
        return await self._remembered(
            ("count", predicate, sort_key), lambda: reads.count(self._database, predicate, sort_key)
        )

    async def facet(self, key: str, predicate: Predicate) -> list[tuple[str, int]]:
        """Returns the values of a key with how many of the matching entities have them."""
        return await self._remembered(
            ("facet", predicate, key), lambda: reads.find_facet(self._database, key, predicate)
        )

    async def _remembered(self, key: object, make: Callable[[], Awaitable[T]]) -> T:
        entry = self._entries.get(key)
        now = self._clock()
        if entry is not None and entry.generation == self._generation and now - entry.made_at < MAX_AGE_SECONDS:
            return cast(T, entry.value)
        generation = self._generation
        value = await make()
        self._entries[key] = _Entry(value, generation, now)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)
        return value

    async def follow_changes(self) -> None:
        """Listens for changes that other replicas make, until it is cancelled."""
        async with self._database.listen(CHANGES_CHANNEL) as changes:
            async for _ in changes:
                self.invalidate()

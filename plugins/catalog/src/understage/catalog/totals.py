"""Counts of entities, remembered until something changes."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from understage.catalog.database.counts import FOLDED_AT_ONCE, fold_changes
from understage.plugin_api import DatabaseService

T = TypeVar("T")

CHANGES_CHANNEL = "catalog_changes"
MAX_ENTRIES = 1000
MAX_VALUES = 100_000
"""How many values all lists together may have that are remembered: a facet may have one for each entity."""
MAX_AGE_SECONDS = 10.0
FOLD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    generation: int
    made_at: float


class Totals:
    """Counts that listings, facets and plans need; the same ones are asked for again and again.

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
        self._values = 0
        self._hears_changes = False

    @property
    def generation(self) -> int:
        """A number that grows whenever what is served may have changed."""
        return self._generation

    @property
    def hears_changes(self) -> bool:
        """Whether changes of other replicas are heard of, so that what is remembered can be trusted."""
        return self._hears_changes

    def now(self) -> float:
        """Returns the time in seconds that never go back."""
        return self._clock()

    def invalidate(self) -> None:
        """Forgets everything, because what is served has changed."""
        self._generation += 1
        self._entries.clear()
        self._values = 0

    async def remembered(self, key: object, make: Callable[[], Awaitable[T]]) -> T:
        """Returns what `make` has returned for the key since the last change, or has it made.

        Args:
            key: hashable; everything that the value depends on beside the catalog's content.
            make: makes the value.
        """
        entry = self._entries.get(key)
        now = self._clock()
        if entry is not None and entry.generation == self._generation and now - entry.made_at < MAX_AGE_SECONDS:
            return cast(T, entry.value)
        generation = self._generation
        value = await make()
        self._keep(key, _Entry(value, generation, now))
        return value

    def _keep(self, key: object, entry: _Entry) -> None:
        weight = _weight(entry)
        self._forget(key)
        if weight > MAX_VALUES // 2 or entry.generation != self._generation:
            return
        self._entries[key] = entry
        self._values += weight
        while len(self._entries) > MAX_ENTRIES or self._values > MAX_VALUES:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: object) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._values -= _weight(entry)

    async def follow_changes(self) -> None:
        """Listens for changes that other replicas make, until it is cancelled."""
        async with self._database.listen(CHANGES_CHANNEL) as changes:
            self.invalidate()
            self._hears_changes = True
            try:
                async for _ in changes:
                    self.invalidate()
            finally:
                self._hears_changes = False

    async def fold_counts(self) -> None:
        """Adds up the counts that are kept in the database, from time to time after changes, until it is cancelled."""
        folded_generation = None
        while True:
            generation = self._generation
            if generation != folded_generation:
                while await self._fold() == FOLDED_AT_ONCE:
                    pass
                folded_generation = generation
            await asyncio.sleep(FOLD_SECONDS)

    async def _fold(self) -> int:
        async with self._database.transaction() as connection:
            return await fold_changes(connection)


def _weight(entry: _Entry) -> int:
    return len(entry.value) if isinstance(entry.value, list) else 1

"""Chooses which condition of a query leads: a small planner that knows how many rows each condition has."""

from __future__ import annotations

import math

from understage.catalog.database import counts, drivers, pages, reads, texts
from understage.catalog.database.counts import COUNTED_KEYS
from understage.catalog.database.drivers import Driver, Few, OneOf, Single, is_single
from understage.catalog.database.pages import ALWAYS_THERE
from understage.catalog.query.predicates import (
    EVERYTHING,
    NOTHING,
    AnyOf,
    HasKey,
    HasText,
    HasValue,
    Not,
    Predicate,
    all_of,
    conjuncts,
    inner_conditions,
    split_kinds,
)
from understage.catalog.totals import Totals
from understage.plugin_api import DatabaseService

COUNTED_ROWS = 5000
"""Up to here rows are counted to plan a query; a condition with more of them is taken for a common one."""

MOST_ALTERNATIVES = 50
"""More alternatives than this are not counted to find a plan."""

Facet = list[tuple[str, int]]


class Planner:
    """Plans queries, from counts that are remembered.

    Args:
        database: the catalog's database.
        totals: remembers counts until something changes.
    """

    def __init__(self, database: DatabaseService, totals: Totals) -> None:
        self._database = database
        self._totals = totals

    async def count(self, predicate: Predicate, sort_key: str | None) -> int:
        """Returns how many entities match and have a value for the sort key."""
        if sort_key in ALWAYS_THERE:
            sort_key = None

        async def ask() -> int:
            kept = await self._kept_count(predicate) if sort_key is None else None
            if kept is not None:
                return kept
            driver, rows = await self._smallest(predicate)
            has_many = rows >= COUNTED_ROWS
            if has_many and _has_text(driver):
                driver = None
            few = await self.few(predicate)
            return await pages.count_entities(self._database, predicate, sort_key, driver, has_many=has_many, few=few)

        return await self._totals.remembered(("count", predicate, sort_key), ask)

    async def facet(self, key: str, predicate: Predicate) -> Facet:
        """Returns the values of a key among the entities that match, each with how many have it."""
        if predicate == NOTHING:
            return []

        async def ask() -> Facet:
            kinds, rest = split_kinds(predicate)
            if key in COUNTED_KEYS and rest == EVERYTHING:
                return await counts.counted_facet(self._database, key, kinds)
            driver, rows = await self._smallest(predicate)
            if rows >= COUNTED_ROWS and _has_text(driver):
                driver = None
            if driver is not None and rows > await self._key_rows(key, kinds):
                driver = None
            few, has_many = await self.few(predicate), rows >= COUNTED_ROWS
            return await reads.find_facet(self._database, key, predicate, driver, has_many=has_many, few=few)

        return await self._totals.remembered(("facet", predicate, key), ask)

    async def driver(self, predicate: Predicate, sort_key: str | None, limit: int) -> Driver | None:
        """Returns the condition that a page's query shall start from, or None to read in the order of the sort key.

        Reading in order finds one match in (all / matches) rows and stops after `limit` matches; starting from a
        condition touches all of its rows. So a condition leads if its rows are fewer than what is read otherwise.
        """
        driver, rows = await self._smallest(predicate)
        if driver is None or rows >= COUNTED_ROWS:
            return None
        kinds, _ = split_kinds(predicate)
        everything = await self.count(HasValue("kind", kinds) if kinds else EVERYTHING, None)
        return driver if rows * rows <= limit * everything else None

    async def _kept_count(self, predicate: Predicate) -> int | None:
        """Returns how many entities match if the counts that are kept tell, else None."""
        kinds, rest = split_kinds(predicate)
        if rest == EVERYTHING:
            return await counts.count_value(self._database, "kind", None, kinds)
        if isinstance(rest, HasValue) and rest.key in COUNTED_KEYS and len(rest.values) == 1:
            return await counts.count_value(self._database, rest.key, rest.values[0], kinds)
        if isinstance(rest, Not):
            # Who does not meet a condition is everybody but those who do, and these can be looked up.
            everybody = HasValue("kind", kinds) if kinds is not None else EVERYTHING
            met = await self.count(all_of(everybody, rest.condition), None)
            return max(0, await self.count(everybody, None) - met)
        single = ALWAYS_THERE.intersection(rest.keys) if isinstance(rest, HasText) else ()
        if isinstance(rest, HasText) and single and await self._rows(rest, kinds) >= COUNTED_ROWS:
            return await texts.count_text(self._database, rest, min(single), kinds)
        return None

    async def _smallest(self, predicate: Predicate) -> tuple[Driver | None, int]:
        kinds, rest = split_kinds(predicate)
        smallest: Driver | None = None
        fewest = 0
        for condition in conjuncts(rest):
            driver, rows = await self._candidate(condition, kinds)
            if driver is not None and (smallest is None or rows < fewest):
                smallest, fewest = driver, rows
        return smallest, fewest

    async def _candidate(self, condition: Predicate, kinds: tuple[str, ...] | None) -> tuple[Driver | None, int]:
        if isinstance(condition, HasKey | HasText) or (isinstance(condition, HasValue) and condition.values):
            return condition, await self._rows(condition, kinds)
        if not isinstance(condition, AnyOf) or not 0 < len(condition.conditions) <= MOST_ALTERNATIVES:
            return None, 0
        parts: list[Single] = []
        total = 0
        for alternative in condition.conditions:
            singles = [one for one in conjuncts(alternative) if isinstance(one, HasKey | HasValue | HasText)]
            counted = [(await self._rows(one, kinds), index) for index, one in enumerate(singles)]
            if not counted:
                return None, 0
            rows, index = min(counted)
            total += rows
            parts.append(singles[index])
        return OneOf(condition, tuple(parts)), total

    async def few(self, predicate: Predicate) -> Few:
        """Returns the conditions within a predicate that few entities meet, of those that need not all hold.

        Asking for each entity whether it meets one of them would be slow where none leads: with "mine or public",
        neither condition has to hold.
        """
        inner = inner_conditions(predicate)
        if not inner:
            return frozenset()
        kinds, _ = split_kinds(predicate)
        return frozenset([one for one in inner if is_single(one) and await self._rows(one, kinds) < COUNTED_ROWS])

    async def _key_rows(self, key: str, kinds: tuple[str, ...] | None) -> float:
        if key in COUNTED_KEYS:
            return await counts.count_value(self._database, key, None, kinds)
        rows = await self._rows(HasKey(key), kinds)
        return rows if rows < COUNTED_ROWS else math.inf

    async def _rows(self, condition: Single, kinds: tuple[str, ...] | None) -> int:
        async def ask() -> int:
            if isinstance(condition, HasValue):
                if not condition.values:
                    return 0
                if condition.key in COUNTED_KEYS and len(condition.values) == 1:
                    return await counts.count_value(self._database, condition.key, condition.values[0], kinds)
            if isinstance(condition, HasText):
                estimate = await texts.estimate_rows(self._database, condition, kinds)
                if estimate is not None and estimate >= COUNTED_ROWS:
                    return estimate
            return await drivers.count_up_to(self._database, condition, kinds, COUNTED_ROWS)

        return await self._totals.remembered(("rows", condition, kinds), ask)


def _has_text(driver: Driver | None) -> bool:
    """Tells whether a text leads: if it is a common one, another way is better."""
    return any(isinstance(one, HasText) for one in (driver.parts if isinstance(driver, OneOf) else (driver,)))

"""Chooses which condition of a query leads: a small planner that knows how many rows each condition has."""

from __future__ import annotations

from understage.catalog.database import pages
from understage.catalog.database.pages import Driver
from understage.catalog.query.predicates import EVERYTHING, HasKey, HasValue, Predicate, conjuncts, split_kinds
from understage.catalog.totals import Totals
from understage.plugin_api import DatabaseService

COUNTED_ROWS = 5000


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

        async def ask() -> int:
            driver, _ = await self._smallest(predicate)
            return await pages.count_entities(self._database, predicate, sort_key, driver)

        return await self._totals.remembered(("count", predicate, sort_key), ask)

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

    async def _smallest(self, predicate: Predicate) -> tuple[Driver | None, int]:
        kinds, rest = split_kinds(predicate)
        smallest: Driver | None = None
        fewest = 0
        for condition in conjuncts(rest):
            if isinstance(condition, HasKey) or (isinstance(condition, HasValue) and condition.values):
                rows = await self._rows(condition, kinds)
                if smallest is None or rows < fewest:
                    smallest, fewest = condition, rows
        return smallest, fewest

    async def _rows(self, driver: Driver, kinds: tuple[str, ...] | None) -> int:
        return await self._totals.remembered(
            ("rows", driver, kinds), lambda: pages.count_up_to(self._database, driver, kinds, COUNTED_ROWS)
        )

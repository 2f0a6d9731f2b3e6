"""Looks now and then for what was left behind: entities that nothing leads to, and names that somebody waits for.

Both are dealt with at once where they arise. This finds what two replicas have left to each other, what was kept before
the configuration said otherwise, and entities that lead to each other in a circle. Where orphans are kept, circles are
marked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from understage.catalog.database import claims, reachability
from understage.catalog.processing.orphan_circles import mark_circles
from understage.catalog.processing.orphans import Collected, collect, find_dead_circles, hand_over_free
from understage.catalog.processing.retrying import in_transaction
from understage.catalog.processing.storing import OrphanStrategy
from understage.catalog.totals import CHANGES_CHANNEL
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService, SchedulerService

AT_ONCE = 500
ABANDONED_EVERY = timedelta(seconds=30)
CIRCLES_EVERY = timedelta(minutes=10)
MARKED_AT_ONCE = 10_000
TIMEOUT_SHARE = 0.8

Find = Callable[[DatabaseConnection, int], Awaitable[Sequence[str]]]


class Cleanup:
    """Deletes what nothing leads to, and hands names over to whoever waits for them.

    Args:
        database: the catalog's database.
        logger: where deletions are reported.
        orphan_strategy: what happens to entities that nothing leads to any more.
        on_change: called when there is something to process, and what is served may have changed.
    """

    def __init__(
        self,
        database: DatabaseService,
        logger: LoggerService,
        orphan_strategy: OrphanStrategy,
        on_change: Callable[[], None],
    ) -> None:
        self._database = database
        self._logger = logger
        self._orphan_strategy = orphan_strategy
        self._on_change = on_change

    async def schedule(self, scheduler: SchedulerService) -> None:
        """Has one of all replicas clean up, again and again."""
        await scheduler.schedule_task(
            id="catalog_orphan_cleanup",
            frequency=ABANDONED_EVERY,
            timeout=ABANDONED_EVERY * TIMEOUT_SHARE,
            fn=self.clean_up,
        )
        await scheduler.schedule_task(
            id="catalog_circle_cleanup",
            frequency=CIRCLES_EVERY,
            timeout=CIRCLES_EVERY * TIMEOUT_SHARE,
            initial_delay=ABANDONED_EVERY,
            fn=self.clean_up_circles,
        )

    async def clean_up(self) -> None:
        """Hands over names that are free, and deletes entities that nothing leads to."""
        await self._repeat(claims.find_free_claims, hand_over_only=True)
        if self._orphan_strategy == "delete":
            await self._repeat(reachability.find_abandoned)

    async def clean_up_circles(self) -> None:
        """Deletes or marks entities that lead to each other in a circle while no provider leads to any of them."""
        if self._orphan_strategy == "delete":
            await self._repeat(find_dead_circles)

        async def mark(connection: DatabaseConnection) -> set[str]:
            found: Sequence[str] = ()
            if self._orphan_strategy == "keep":
                found = await find_dead_circles(connection, MARKED_AT_ONCE)
            return await mark_circles(connection, found, datetime.now(UTC))

        if await in_transaction(self._database, mark):
            self._on_change()

    async def _repeat(self, find: Find, *, hand_over_only: bool = False) -> None:
        deleted = 0
        while True:

            async def step(connection: DatabaseConnection) -> Collected:
                now = datetime.now(UTC)
                found = await find(connection, AT_ONCE)
                if not found:
                    return Collected()
                if hand_over_only:
                    return Collected(handed_over=await hand_over_free(connection, found, now))
                collected = await collect(connection, found, now)
                if collected.deleted:
                    await connection.notify(CHANGES_CHANNEL)
                return collected

            collected = await in_transaction(self._database, step)
            deleted += len(collected.deleted)
            if not collected.deleted and not collected.handed_over:
                break
            self._on_change()
        if deleted:
            self._logger.info("Deleted entities that nothing leads to any more", count=deleted)

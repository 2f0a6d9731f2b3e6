"""Plans entities anew after the machine's clock was set back: else their turns would come only after all that time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from understage.catalog.database.due import move_up
from understage.catalog.processing.pausing import LONGEST_PAUSE_FACTOR
from understage.catalog.processing.retrying import in_transaction
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService

# What a clock that is kept right by small steps may do.
TOLERANCE = timedelta(seconds=2)
# Hosts may want to be left alone for hours, and entities of theirs then wait as long.
PLANNED_AHEAD = timedelta(days=1)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Replanning:
    """Compares the machine's clock with one that only goes forward, whenever it is asked to.

    Args:
        database: the catalog's database.
        logger: told when the clock was set back.
        longest_pause: the longest time until an entity that is well is looked at again.
        clock: tells the time.
        monotonic: a clock in seconds since any moment, which nobody sets.
    """

    def __init__(
        self,
        database: DatabaseService,
        logger: LoggerService,
        longest_pause: timedelta,
        *,
        clock: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._logger = logger
        self._longest_pause = longest_pause
        self._clock = clock
        self._monotonic = monotonic
        self._last: tuple[datetime, float] | None = None

    async def follow_clock(self) -> None:
        """Makes entities due that are planned further ahead than is ever done.

        At first, that is further than those may wait that fail again and again, and more than a day: the clock may have
        been set back before this process started. Later, if it was set back meanwhile, it is further than those that
        are well.
        """
        now, passed = self._clock(), self._monotonic()
        limit = self._limit(now, passed)
        if limit is not None:

            async def replan(connection: DatabaseConnection) -> int:
                return await move_up(connection, now + limit, now)

            moved = await in_transaction(self._database, replan)
            if moved:
                self._logger.warning("The clock was set back, so entities are planned anew", count=moved)
        self._last = now, passed

    def _limit(self, now: datetime, passed: float) -> timedelta | None:
        if self._last is None:
            return max(self._longest_pause * LONGEST_PAUSE_FACTOR, PLANNED_AHEAD)
        last_now, last_passed = self._last
        expected = last_now + timedelta(seconds=passed - last_passed)
        return self._longest_pause if now < expected - TOLERANCE else None

"""Deleting old events, now and then."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Final

from understage.events.database import EventsDatabase
from understage.plugin_api import LoggerService

KEEP: Final = timedelta(minutes=10)
KEEP_AT_MOST: Final = timedelta(days=1)
KEEP_COUNT: Final = 10_000
_EVERY_SECONDS: Final = 60.0


class Cleaning:
    """Deletes old events once a minute; several replicas that do so do no harm.

    Args:
        database: the tables.
        logger: told if it fails.
        every_seconds: how often.
    """

    def __init__(self, database: EventsDatabase, logger: LoggerService, every_seconds: float = _EVERY_SECONDS) -> None:
        self._database = database
        self._logger = logger
        self._every = every_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends, in the middle of a deletion if need be."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            # Spread, so that the replicas do not all come at once.
            await asyncio.sleep(self._every * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            try:
                await self._database.clean(keep=KEEP, keep_at_most=KEEP_AT_MOST, count=KEEP_COUNT)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the database, it may be right next time
                self._logger.warning("Old events could not be deleted", error=error)

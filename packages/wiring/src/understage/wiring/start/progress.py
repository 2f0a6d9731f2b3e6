"""Tells in the log how far the start has come, ever more rarely."""

import asyncio
from collections.abc import Iterable, Iterator

from understage.plugin_api import LoggerService

_LONGEST_INTERVAL_SECONDS = 60.0


def intervals() -> Iterator[float]:
    """Yields the seconds between two entries: 1, 1, 2, 3, 5, 8 and so on, at most 60."""
    previous, current = 0.0, 1.0
    while True:
        yield current
        previous, current = current, min(previous + current, _LONGEST_INTERVAL_SECONDS)


class StartProgress:
    """Which plugins have been initialised, and which have not.

    Args:
        logger: where progress is told.
        plugin_ids: the plugins that are about to start.
    """

    def __init__(self, logger: LoggerService, plugin_ids: Iterable[str]) -> None:
        self._logger = logger
        self._waiting = dict.fromkeys(plugin_ids)
        self._fresh: list[str] = []

    def done(self, plugin_id: str) -> None:
        """Notes that a plugin has settled."""
        self._waiting.pop(plugin_id, None)
        self._fresh.append(plugin_id)

    async def tell(self) -> None:
        """Writes an entry now and then, for as long as it is not cancelled."""
        for seconds in intervals():
            await asyncio.sleep(seconds)
            self.tell_once()

    def tell_once(self) -> None:
        """Writes what is newly initialised and what is still initialising."""
        fresh, self._fresh = self._fresh, []
        self._logger.info(
            "Plugin initialization is in progress", newly_initialized=fresh, still_initializing=list(self._waiting)
        )

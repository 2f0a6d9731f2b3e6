"""Whether events go through the bus."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from understage.errors import ConflictError
from understage.plugin_api import LoggerService, RootLifecycleService

BusMode = Literal["auto", "always", "never"]
MODES: Final[tuple[BusMode, ...]] = ("auto", "always", "never")


class Bus:
    """What this process knows of the bus.

    Args:
        mode: `auto` gives up when there is no events plugin, `always` keeps trying, `never` does without.
        lifecycle: tells when the backend has started; plugins that are not there yet answer 404 until then.

    Attributes:
        started: set once the backend has started.
    """

    def __init__(self, mode: BusMode, lifecycle: RootLifecycleService) -> None:
        self._mode = mode
        self._absent = mode == "never"
        self._answered = False
        self.started = asyncio.Event()
        try:
            lifecycle.add_startup_hook(self.started.set)
        except ConflictError:
            self.started.set()

    @property
    def is_used(self) -> bool:
        """Whether events go through the bus, as far as is known."""
        return not self._absent

    def answered(self) -> None:
        """Remembers that there is a bus: from then on a 404 means that its backend is starting."""
        self._answered = True

    def missing(self, logger: LoggerService) -> bool:
        """Tells whether to give up, after the address of the bus has answered that it is not there.

        Args:
            logger: told the first time.
        """
        if self._mode == "always" or self._answered:
            return False
        if not self._absent:
            self._absent = True
            logger.info("There is no events plugin: events stay within this process")
        return True

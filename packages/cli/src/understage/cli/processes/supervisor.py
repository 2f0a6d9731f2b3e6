"""Starts the processes of a backend, keeps them running, and stops them in order."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from understage.cli.processes.child import Child
from understage.plugin_api import LoggerService

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Supervisor:
    """The processes of one backend.

    Args:
        groups: the processes behind the front.
        front: the one that the world talks to: starts last and stops first, so that it never lacks the others.
        logger: told what happens.
    """

    def __init__(self, groups: Sequence[Child], front: Child, logger: LoggerService) -> None:
        self._groups = list(groups)
        self._front = front
        self._logger = logger
        self._missing: list[str] = []

    async def run(self) -> int:
        """Runs until SIGTERM or SIGINT comes; a second signal ends all at once.

        Returns:
            0 if all started, and stopped cleanly when they were told to; else 1.
        """
        first, second = asyncio.Event(), asyncio.Event()
        with _signals(first, second):
            starting = asyncio.create_task(self._start())
            if await _finishes(starting, unless=first):
                if not starting.result():
                    self._logger.error("A process failed to start, so all of them stop")
                    first.set()
                else:
                    await self._keep(first)
            self._logger.info("Stopping all processes")
            stopping = asyncio.create_task(self._stop())
            if not await _finishes(stopping, unless=second):
                self._logger.error("Stopped without waiting: a second signal came")
                for child in (*self._groups, self._front):
                    child.kill()
            clean = await stopping
            return 0 if await starting and clean else 1

    async def _keep(self, stop: asyncio.Event) -> None:
        children = [*self._groups, self._front]
        keeping = asyncio.gather(*(child.keep(self._changed) for child in children))
        self._logger.info("All processes have started", processes=len(children))
        await _finishes(keeping, unless=stop)

    def _changed(self, name: str, runs: bool) -> None:
        """Lets the front say that it is not ready while a process is missing whose plugins it answers for."""
        if name == self._front.name:
            return
        self._missing = [other for other in self._missing if other != name] + ([] if runs else [name])
        self._front.tell_missing(self._missing)

    async def _start(self) -> bool:
        if not all(await asyncio.gather(*(child.start() for child in self._groups))):
            return False
        return await self._front.start()

    async def _stop(self) -> bool:
        # The front first: what it is still answering may need the others.
        clean = await self._front.stop()
        return all(await asyncio.gather(*(child.stop() for child in self._groups))) and clean


async def _finishes(work: asyncio.Future[Any], *, unless: asyncio.Event) -> bool:
    """Waits for work to end, and tells whether it did before an event came."""
    waiting = asyncio.create_task(unless.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return work.done()


@contextmanager
def _signals(first: asyncio.Event, second: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, lambda: second.set() if first.is_set() else first.set())
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

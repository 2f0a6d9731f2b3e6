"""The backends of this process that are to be stopped by a signal."""

import asyncio
from typing import Protocol
from weakref import WeakSet


class Stoppable(Protocol):
    """A backend, as signals see it."""

    async def stop(self) -> None:
        """Stops it; a second call waits for the first."""
        ...


_live: WeakSet[Stoppable] = WeakSet()


def register_instance(backend: Stoppable) -> None:
    """Notes a backend that has begun to start."""
    _live.add(backend)


def unregister_instance(backend: Stoppable) -> None:
    """Forgets a backend that has stopped."""
    _live.discard(backend)


def live_instances() -> list[Stoppable]:
    """Returns the backends that have begun to start and have not stopped."""
    return list(_live)


async def stop_instances() -> list[BaseException]:
    """Stops all backends of this process at once and returns what went wrong."""
    outcomes = await asyncio.gather(*(backend.stop() for backend in live_instances()), return_exceptions=True)
    return [outcome for outcome in outcomes if outcome is not None]

"""Waiting for what tells nobody that it has happened: in a file, a table or another process."""

import asyncio
import inspect
from collections.abc import Callable


async def until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Waits until a condition holds, and fails if that takes too long.

    Args:
        condition: tells whether it holds, or returns an awaitable that does.
        seconds: how long it may take.
    """
    async with asyncio.timeout(seconds):
        while not await _holds(condition):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)


async def _holds(condition: Callable[[], object]) -> object:
    found = condition()
    return await found if inspect.isawaitable(found) else found

"""Work that is done several times at once: while one waits for the database, another one computes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LANES = 2


async def side_by_side(work: Callable[[], Awaitable[T]]) -> list[T]:
    """Does the same work in all lanes; if one fails, the others are cancelled.

    Args:
        work: what to do.

    Raises:
        Exception: what the first lane that failed has raised.
    """

    async def lane() -> T:
        return await work()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(lane()) for _ in range(LANES)]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]

"""Transactions that are tried again when they got in each other's way."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from understage.errors import ConflictError
from understage.plugin_api import DatabaseConnection, DatabaseService

T = TypeVar("T")

RETRIES = 3
FIRST_PAUSE_SECONDS = 0.025
_IN_EACH_OTHERS_WAY = frozenset(("40P01", "40001", "23503"))
_SHOWN = 5


class OvertakenError(ConflictError):
    """What a transaction has read was changed by another one before it could act on it; it is to start again.

    Args:
        source: the provider or the entities that let go of names.
        refs: the names that another location took over at the same moment.
    """

    def __init__(self, source: str, refs: Collection[str]) -> None:
        some = ", ".join(sorted(refs)[:_SHOWN]) + (f" and {len(refs) - _SHOWN} more" if len(refs) > _SHOWN else "")
        super().__init__(
            f"{source} could not let go of {some}: each time it was tried, another location had just taken over what "
            "was to be removed; nothing was changed. Have it brought again when fewer sources bring these names"
        )


async def in_transaction(database: DatabaseService, work: Callable[[DatabaseConnection], Awaitable[T]]) -> T:
    """Does work in a transaction, again if another replica's transaction broke it off.

    Args:
        database: the database.
        work: what to do; it may run several times.

    Raises:
        OvertakenError: work has raised it each time.
    """
    pause = FIRST_PAUSE_SECONDS
    for attempt in range(RETRIES + 1):
        try:
            async with database.transaction() as connection:
                return await work(connection)
        except Exception as error:
            if attempt == RETRIES or not _may_go_well_next_time(error):
                raise
        await asyncio.sleep(pause)
        pause *= 2
    raise AssertionError("unreachable: the last attempt returns or raises")


def _may_go_well_next_time(error: Exception) -> bool:
    return isinstance(error, OvertakenError) or getattr(error, "sqlstate", None) in _IN_EACH_OTHERS_WAY

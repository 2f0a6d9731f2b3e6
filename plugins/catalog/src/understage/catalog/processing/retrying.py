"""Transactions that are tried again when they got in each other's way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from understage.plugin_api import DatabaseConnection, DatabaseService

T = TypeVar("T")

RETRIES = 3
FIRST_PAUSE_SECONDS = 0.025
_IN_EACH_OTHERS_WAY = frozenset(("40P01", "40001", "23503"))


async def in_transaction(database: DatabaseService, work: Callable[[DatabaseConnection], Awaitable[T]]) -> T:
    """Does work in a transaction, again if another replica's transaction broke it off.

    Args:
        database: the database.
        work: what to do; it may run several times.
    """
    pause = FIRST_PAUSE_SECONDS
    for attempt in range(RETRIES + 1):
        try:
            async with database.transaction() as connection:
                return await work(connection)
        except Exception as error:
            if attempt == RETRIES or getattr(error, "sqlstate", None) not in _IN_EACH_OTHERS_WAY:
                raise
        await asyncio.sleep(pause)
        pause *= 2
    raise AssertionError("unreachable: the last attempt returns or raises")

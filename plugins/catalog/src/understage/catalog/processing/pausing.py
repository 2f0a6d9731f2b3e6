"""Decides when entities are looked at again that fail, or that wait for a host."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from understage.catalog.database.due import move_due, set_failures
from understage.catalog.processing.storing import Processed
from understage.plugin_api import DatabaseConnection

SHORTEST_POSTPONEMENT_SECONDS = 1
LONGEST_PAUSE_FACTOR = 8


async def set_pauses(
    connection: DatabaseConnection, processed: Sequence[Processed], now: datetime, due_at: datetime
) -> None:
    """Sets when those entities of a batch are due that are not due when all others are.

    Args:
        connection: of the transaction that stores the batch, after all were made due at the same time.
        processed: the entities.
        now: the time.
        due_at: when all of them are due so far.
    """
    await _postpone(connection, processed, now, due_at)
    await _back_off(connection, processed, now, due_at)


def pause_factor(failures: int) -> int:
    """Returns how many times the usual pause an entity is left alone.

    Args:
        failures: how many of its runs have failed one after the other.
    """
    return int(min(2 ** min(max(failures - 1, 0), LONGEST_PAUSE_FACTOR), LONGEST_PAUSE_FACTOR))


async def _postpone(
    connection: DatabaseConnection, processed: Sequence[Processed], now: datetime, due_at: datetime
) -> None:
    """Makes entities that wait for a host due when it wants to be asked again."""
    waiting: defaultdict[int, list[str]] = defaultdict(list)
    for one in processed:
        if one.outcome.postponed is not None:
            seconds = math.ceil(one.outcome.postponed.retry_after or SHORTEST_POSTPONEMENT_SECONDS)
            waiting[max(seconds, SHORTEST_POSTPONEMENT_SECONDS)].append(one.claimed.entity_id)
    for delay, entity_ids in sorted(waiting.items()):
        await move_due(connection, sorted(entity_ids), due_at, now + timedelta(seconds=delay))


async def _back_off(
    connection: DatabaseConnection, processed: Sequence[Processed], now: datetime, due_at: datetime
) -> None:
    """Leaves entities alone for longer and longer while they fail. New content makes them due at once all the same."""
    counts: defaultdict[int, list[str]] = defaultdict(list)
    for one in processed:
        before = one.claimed.failures
        if one.is_failure:
            counts[before + 1].append(one.claimed.entity_id)
        elif before and one.outcome.postponed is None:
            counts[0].append(one.claimed.entity_id)
    for failures, entity_ids in sorted(counts.items()):
        next_update_at = now + (due_at - now) * pause_factor(failures)
        await set_failures(connection, sorted(entity_ids), failures, due_at, next_update_at)

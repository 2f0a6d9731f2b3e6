"""Runs new entities together with the one that led to them, while they are at hand.

A file may bring thousands of entities. Storing each as it was found, claiming it, reading it back and storing what came
of it would write every one three times. Here it is run at once, so that it is stored once, with its outcome.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from understage.catalog.database.due import ClaimedEntity, Lane
from understage.catalog.model.entity_ids import new_entity_id
from understage.catalog.processing.collector import Child
from understage.catalog.processing.parts import LONGEST_ON_THE_LOOP_SECONDS
from understage.catalog.processing.pipeline import Pipeline
from understage.catalog.processing.storing import Processed
from understage.catalog_api import EntityJson

MOST_AT_ONCE = 500
"""So many entities of one parent, which bounds what is kept in memory; others are stored as they were found."""

Run = Callable[[ClaimedEntity, EntityJson, str], Awaitable[Processed]]


class RunAhead:
    """Runs the children of entities that nothing has been stored of yet.

    Only those are run whose outcome follows from themselves alone: no other processor has to be waited for, and if they
    turn out to be known already, or are refused, nothing has happened but that some time was lost.
    """

    def __init__(self) -> None:
        # One parent at a time: the turns of several on the event loop would add up.
        self._turn = asyncio.Lock()

    async def run(self, children: Sequence[Child], lane: Lane, pipeline: Pipeline, run: Run) -> list[Processed]:
        """Returns the children that came out well, as if they had been claimed; any other one is left to its turn.

        Args:
            children: entities that another one has led to.
            lane: how soon they would be processed.
            pipeline: tells what an outcome follows from.
            run: runs one, given the entity as it was found and the hash of its text.
        """
        ahead: list[Processed] = []
        async with self._turn:
            breath = time.monotonic()
            for child in children[:MOST_AT_ONCE]:
                entity: EntityJson = msgspec.json.decode(child.entity)
                if pipeline.settles(entity):
                    processed = await run(_unclaimed(child, lane), entity, child.hash)
                    if _is_finished(processed):
                        ahead.append(_as_text(processed))
                if time.monotonic() - breath > LONGEST_ON_THE_LOOP_SECONDS:
                    await asyncio.sleep(0)
                    breath = time.monotonic()
        return ahead


def _unclaimed(child: Child, lane: Lane) -> ClaimedEntity:
    return ClaimedEntity(new_entity_id(), child.ref, child.entity, None, None, "[]", 0, None, lane)


def _is_finished(processed: Processed) -> bool:
    """Tells whether the outcome can be stored with the entity itself: it is good, and leads to nothing further."""
    return processed.settled_by is not None and processed.outcome.entity is not None and not processed.outcome.children


def _as_text(processed: Processed) -> Processed:
    outcome = processed.outcome
    text = msgspec.json.encode(outcome.entity).decode()
    outcome.entity = None
    return Processed(
        processed.claimed, outcome, processed.hash, processed.begun_at, processed.settled_by, processed.ahead, text
    )

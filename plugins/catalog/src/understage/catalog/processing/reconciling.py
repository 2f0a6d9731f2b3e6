"""Proves that nothing is stale: compares what is served with what it is made of, and mends what differs.

Everything is written such that they cannot differ: a change and the request to stitch go into one transaction, a final
form and its index rows into another. This finds what a restored backup, a hand in the database or an error of ours has
done all the same. It takes a few entities at a time, so that it costs next to nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from understage.catalog.database import counts, index, reconciling, stitching
from understage.catalog.database.index import SearchRow
from understage.catalog.database.relations import find_relations
from understage.catalog.database.stitching import OutgoingRelation, ProcessedEntity
from understage.catalog.metrics import CatalogMetrics
from understage.catalog.processing.final_form import final_form
from understage.catalog.processing.retrying import in_transaction
from understage.catalog.processing.search_rows import search_rows
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService, SchedulerService

AT_ONCE = 250
EVERY = timedelta(seconds=30)
NAMED_AT_MOST = 5


@dataclass(slots=True)
class Differences:
    """What was found in a range of entities.

    Attributes:
        looked_at: how many entities were compared.
        last_id: the end of the range.
        stale: entities whose final form is missing or not what it should be.
        badly_indexed: entities whose index rows are not those of their final form.
        leftovers: ids that something is kept for although their entities are gone.
        miscounted: keys of the index of whose values the kept counts were wrong.
    """

    looked_at: int
    last_id: str
    stale: list[ProcessedEntity] = field(default_factory=list)
    badly_indexed: list[ProcessedEntity] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    miscounted: list[str] = field(default_factory=list)


class Reconciler:
    """Goes through all entities, again and again.

    Args:
        database: the catalog's database.
        logger: where differences are reported.
        metrics: counts them.
        on_change: called when something is to be stitched.
    """

    def __init__(
        self,
        database: DatabaseService,
        logger: LoggerService,
        metrics: CatalogMetrics | None,
        on_change: Callable[[], None],
    ) -> None:
        self._database = database
        self._logger = logger
        self._metrics = metrics
        self._on_change = on_change
        self._after_id = reconciling.FIRST_ID

    async def schedule(self, scheduler: SchedulerService) -> None:
        """Has one of all replicas look at the next entities, again and again."""
        await scheduler.schedule_task(
            id="catalog_reconciliation", frequency=EVERY, timeout=EVERY, initial_delay=EVERY, fn=self.look
        )

    async def look(self) -> None:
        """Compares the next entities, and mends what differs; after the last ones come the first ones again."""
        await self.look_at_next()

    async def look_at_next(self) -> Differences:
        """Compares the next entities, mends what differs, and returns it."""
        async with self._database.transaction() as connection:
            found = await _compare(connection, self._after_id)
        is_last = found.last_id == reconciling.LAST_ID
        self._after_id = reconciling.FIRST_ID if is_last else found.last_id
        # Comparing all counts takes Postgres a second for half a million entities, so it is done once a round, and when
        # somebody else has written to the index.
        if (is_last or found.badly_indexed) and await counts.find_miscounts(self._database):
            found.miscounted = await self._mend_counts()
        if found.stale or found.badly_indexed or found.leftovers or found.miscounted:
            await self._mend(found)
        return found

    async def _mend_counts(self) -> list[str]:
        async with self._database.transaction() as connection:
            return await counts.mend_counts(connection)

    async def _mend(self, found: Differences) -> None:
        async def mend(connection: DatabaseConnection) -> None:
            wrong = [*found.stale, *found.badly_indexed]
            peers = {one.source_entity_ref for one in await find_relations(connection, found.leftovers)}
            refs = {one.entity_ref for one in wrong} | peers
            await stitching.request_stitching(connection, refs, datetime.now(UTC))
            await reconciling.forget_served(connection, [one.entity_id for one in wrong])
            await reconciling.delete_leftovers(connection, found.leftovers)

        await in_transaction(self._database, mend)
        for kind, items in (
            ("stale", [one.entity_ref for one in found.stale]),
            ("badly indexed", [one.entity_ref for one in found.badly_indexed]),
            ("left over", found.leftovers),
            ("miscounted", found.miscounted),
        ):
            if not items:
                continue
            if self._metrics is not None:
                self._metrics.mended(kind, len(items))
            self._logger.warning(
                "What is served was not what it should have been; it is being mended",
                problem=kind,
                count=len(items),
                entities=", ".join(items[:NAMED_AT_MOST]),
            )
        self._on_change()


async def _compare(connection: DatabaseConnection, after_id: str) -> Differences:
    """Compares entities of one moment, so that what others do meanwhile does not look like a difference."""
    await reconciling.see_one_moment(connection)
    settled = await reconciling.find_settled(connection, after_id, AT_ONCE)
    last_id = settled[-1].entity_id if len(settled) == AT_ONCE else reconciling.LAST_ID
    relations = await stitching.find_outgoing_relations(connection, [one.entity_ref for one in settled])
    rows = await index.find_rows(connection, [one.entity_id for one in settled])
    found = Differences(len(settled), last_id)
    found.leftovers = await reconciling.find_leftovers(connection, after_id, last_id)
    await asyncio.to_thread(_tell_apart, found, settled, relations, rows)
    return found


def _tell_apart(
    found: Differences,
    settled: Sequence[ProcessedEntity],
    relations: Sequence[OutgoingRelation],
    rows: Sequence[SearchRow],
) -> None:
    relations_of: defaultdict[str, set[OutgoingRelation]] = defaultdict(set)
    for relation in relations:
        relations_of[relation.source_entity_ref].add(relation)
    rows_of: defaultdict[str, list[SearchRow]] = defaultdict(list)
    for row in rows:
        rows_of[row.entity_id].append(row)
    for one in settled:
        entity, digest = final_form(one, sorted(relations_of[one.entity_ref]))
        if digest != one.hash:
            found.stale.append(one)
        else:
            expected = search_rows(one.entity_id, entity)
            if len(expected) != len(rows_of[one.entity_id]) or set(expected) != set(rows_of[one.entity_id]):
                found.badly_indexed.append(one)

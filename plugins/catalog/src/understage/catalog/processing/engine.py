"""The loop that processes entities whose turn it is and stitches what has changed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from understage.catalog.config import DEFAULT_POLL_SECONDS
from understage.catalog.database.due import ClaimedEntity, Lane
from understage.catalog.database.sizes import find_oldest_due
from understage.catalog.processing.ahead import RunAhead
from understage.catalog.processing.announcing import Announcer
from understage.catalog.processing.collector import UNKNOWN
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.processing.lanes import Lanes
from understage.catalog.processing.lease import Lease, LeaseLostError, LeaseWatch
from understage.catalog.processing.parts import run_in_parts
from understage.catalog.processing.pausing import set_pauses
from understage.catalog.processing.pipeline import Outcome, Pipeline
from understage.catalog.processing.replanning import Replanning
from understage.catalog.processing.reporting import Reporter
from understage.catalog.processing.retrying import in_transaction
from understage.catalog.processing.stitcher import StitchedBatch, stitch_batch
from understage.catalog.processing.storing import OrphanStrategy, Processed, StoredBatch, lane_of_children, store_batch
from understage.catalog.totals import CHANGES_CHANNEL
from understage.catalog_api import EntityJson, ProcessingErrorHandler
from understage.plugin_api import DatabaseConnection, DatabaseService, LoggerService

PROCESSING_BATCH = 200
STITCHING_BATCH = 500
CONCURRENT_RUNS = 10
STORED_AT_ONCE = 2
"""So many parts: while Postgres writes one, the next one is made ready. SQLite writes one after the other anyway."""

MANY_CHILDREN = 100
SKIPPED_SHARE = 0.8
PAUSE_AFTER_FAILURE_SECONDS = 5.0

NOTHING_NEW = Outcome(None, UNKNOWN, [], is_unchanged=True)
"""Of an entity that was not run, because the outcome would be the same."""


class Engine:
    """Processes and stitches, in batches of one transaction each. Several replicas share the work.

    Args:
        database: the catalog's database.
        pipeline: what processes an entity.
        logger: where errors of entities are reported.
        interval_seconds: shortest and longest time until an entity is looked at again.
        orphan_strategy: what to do with entities that nothing leads to any more.
        on_change: called after what is served has changed.
        reporter: tells what came of it; by default only to the log.
        on_errors: is told of entities whose errors are others than before.
        poll_seconds: how often it is looked for work that nobody has told of.
    """

    def __init__(
        self,
        database: DatabaseService,
        pipeline: Pipeline,
        logger: LoggerService,
        *,
        interval_seconds: tuple[float, float],
        orphan_strategy: OrphanStrategy = "delete",
        on_change: Callable[[], None] = lambda: None,
        reporter: Reporter | None = None,
        on_errors: ProcessingErrorHandler | None = None,
        poll_seconds: float = DEFAULT_POLL_SECONDS,
    ) -> None:
        self.pipeline = pipeline
        self._database = database
        self._logger = logger
        self._interval_seconds = interval_seconds
        self._orphan_strategy: OrphanStrategy = orphan_strategy
        self._on_change = on_change
        self._reporter = reporter or Reporter(logger, Announcer(None, logger), None)
        self._on_errors = on_errors
        self._poll_seconds = poll_seconds
        self._replanning = Replanning(database, logger, timedelta(seconds=interval_seconds[1]))
        self._wake = asyncio.Event()
        self._lanes = Lanes(self.process_due, self.stitch_due, poll_seconds)
        self._stored_at_once = STORED_AT_ONCE if database.dialect == "postgres" else 1
        self._storing = asyncio.Semaphore(self._stored_at_once)
        self._ahead = RunAhead()
        self._skips_from = time.monotonic() + interval_seconds[1]
        self._lease_watch = LeaseWatch(database, logger)

    def wake(self) -> None:
        """Says that there is something to do; otherwise it is noticed at the next look."""
        self._wake.set()
        self._lanes.tell()

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            self._wake.clear()
            pause = self._poll_seconds
            try:
                await self._replanning.follow_clock()
                if await self.work():
                    continue
            except Exception as error:  # noqa: BLE001 - the loop must outlive an outage of the database
                self._logger.error("Processing failed and will be tried again", error=error)
                pause = PAUSE_AFTER_FAILURE_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    async def work(self) -> bool:
        """Does what is due; returns whether there was anything."""
        return await self._lanes.work()

    async def settle(self) -> None:
        """Works until nothing is due."""
        while await self.work():
            pass

    async def process_due(self) -> int:
        """Processes a batch of entities whose turn it is; returns how many."""
        await self._lease_watch.look()
        pause = timedelta(seconds=random.uniform(*self._interval_seconds))  # noqa: S311 - spreads the load
        lease = Lease(self._database, self._logger, pause)
        metrics = self._reporter.metrics
        due_since = await find_oldest_due(self._database, datetime.now(UTC)) if metrics else None
        claimed = await lease.claim(PROCESSING_BATCH)
        if not claimed:
            return 0
        if metrics:
            metrics.begun(due_since)

        async def store(results: list[Processed], is_last: bool) -> None:
            # Of both lanes together: more that store would only wait for each other's rows.
            async with self._storing:
                await self._store(sorted(results, key=_ref), lease, is_last=is_last)
            self._lanes.tell()

        try:
            async with lease.renewed():
                await run_in_parts(
                    claimed,
                    self._run_one,
                    store,
                    weight=_weight,
                    part=PROCESSING_BATCH,
                    at_once=CONCURRENT_RUNS,
                    stored_at_once=self._stored_at_once,
                )
        except LeaseLostError as error:
            self._logger.warning(str(error))
        except asyncio.CancelledError:
            await lease.give_back()
            raise
        except Exception:
            self._reporter.failed(len(claimed))
            raise
        return len(claimed)

    async def stitch_due(self) -> int:
        """Stitches a batch of entities; returns how many were looked at."""

        async def stitch(connection: DatabaseConnection) -> StitchedBatch:
            batch = await stitch_batch(connection, datetime.now(UTC), STITCHING_BATCH)
            if batch.changed:
                await connection.notify(CHANGES_CHANNEL)
            return batch

        with self._reporter.stitching() as report:
            batch = await in_transaction(self._database, stitch)
            report(batch)
        if batch.changed:
            self._on_change()
        return batch.looked_at

    async def _run_one(self, claimed: ClaimedEntity) -> Processed:
        begun_at = time.monotonic()
        pipeline = self.pipeline
        unprocessed_hash = text_hash(claimed.unprocessed_entity)
        fingerprint = pipeline.fingerprint(unprocessed_hash)
        if self._may_skip(claimed, fingerprint):
            return Processed(claimed, NOTHING_NEW, claimed.result_hash or "", begun_at, fingerprint)
        entity: EntityJson = msgspec.json.decode(claimed.unprocessed_entity)
        settled_by = fingerprint if pipeline.settles(entity) else None
        processed = await self._run(claimed, entity, unprocessed_hash, settled_by)
        children = processed.outcome.children
        if children and processed.is_first:
            ahead = await self._ahead.run(children, lane_of_children(processed), pipeline, self._run_child)
            processed = replace(processed, ahead=ahead)
        return processed

    async def _run_child(self, claimed: ClaimedEntity, entity: EntityJson, unprocessed_hash: str) -> Processed:
        return await self._run(claimed, entity, unprocessed_hash, self.pipeline.fingerprint(unprocessed_hash))

    async def _run(
        self, claimed: ClaimedEntity, entity: EntityJson, unprocessed_hash: str, settled_by: str | None
    ) -> Processed:
        begun_at = time.monotonic()
        cache: dict[str, Any] = msgspec.json.decode(claimed.cache) if claimed.cache else {}
        outcome = await self.pipeline.run(claimed.entity_ref, entity, unprocessed_hash, cache)
        if self._reporter.metrics:
            self._reporter.metrics.run(time.monotonic() - begun_at, is_good=outcome.entity is not None)
        if outcome.is_unchanged and claimed.result_hash:
            return Processed(claimed, outcome, claimed.result_hash, begun_at)
        if outcome.errors or outcome.postponed is not None:
            settled_by = None
        digest = await asyncio.to_thread(outcome.hash) if len(outcome.children) > MANY_CHILDREN else outcome.hash()
        return Processed(claimed, outcome, digest, begun_at, settled_by)

    def _may_skip(self, claimed: ClaimedEntity, fingerprint: str) -> bool:
        """Tells whether a run would give what the last one gave, and nobody has asked for it.

        After a start all entities are run once, because processors may have become others; and now and then later on.
        """
        return (
            claimed.settled_by == fingerprint
            and claimed.lane == Lane.PERIODIC
            and bool(claimed.result_hash)
            and not claimed.failures
            and time.monotonic() > self._skips_from
            and random.random() < SKIPPED_SHARE  # noqa: S311 - spreads the load
        )

    async def _store(self, processed: Sequence[Processed], lease: Lease, *, is_last: bool) -> None:
        batch = [one for one in processed if not one.is_repetition or _has_learnt(one)]

        async def store(connection: DatabaseConnection) -> StoredBatch:
            now = datetime.now(UTC)
            await lease.finish(connection, is_done=is_last)
            await set_pauses(connection, processed, now, lease.due_at)
            if not batch:
                return StoredBatch()
            stored = await store_batch(connection, batch, now, lease.due_at, self._orphan_strategy)
            if stored.deleted:
                await connection.notify(CHANGES_CHANNEL)
            return stored

        stored = await in_transaction(self._database, store)
        self._reporter.stored([*processed, *stored.ahead], stored)
        await self._tell_handler(processed)
        if stored.deleted:
            self._on_change()

    async def _tell_handler(self, processed: Sequence[Processed]) -> None:
        for one in processed:
            if self._on_errors is None or one.is_repetition or not one.outcome.problems:
                continue
            try:
                await self._on_errors(msgspec.json.decode(one.claimed.unprocessed_entity), one.outcome.problems)
            except Exception as error:  # noqa: BLE001 - a handler of a module must not keep others from being processed
                ref = one.claimed.entity_ref
                self._logger.warning("A handler of processing errors has failed", entity=ref, error=error)


def _ref(one: Processed) -> str:
    return one.claimed.entity_ref


def _weight(one: Processed) -> int:
    return 1 + len(one.outcome.children)


def _has_learnt(one: Processed) -> bool:
    """Tells whether processors want to remember something else than before, although nothing has changed."""
    before: dict[str, Any] = msgspec.json.decode(one.claimed.cache) if one.claimed.cache else {}
    if one.outcome.is_unchanged:
        return False
    return before != one.outcome.cache or one.settled_by != one.claimed.settled_by

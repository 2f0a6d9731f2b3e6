"""What the catalog measures: how much it holds, how much it does, and how long that takes and has waited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal

from understage.catalog.database import sizes
from understage.catalog.database.sizes import Sizes
from understage.plugin_api import DatabaseService, MetricsService, Observation

ProcessingResult = Literal["changed", "unchanged", "errors", "failed"]
StitchingResult = Literal["changed", "unchanged", "error"]

FRESH_SECONDS = 30.0
LOOKS_SECONDS = 5.0
NOTHING = Sizes({}, 0, 0, 0, None, 0)


class CatalogMetrics:
    """The instruments of the catalog.

    Args:
        metrics: makes them.
    """

    def __init__(self, metrics: MetricsService) -> None:
        self._processed = metrics.create_counter(
            "catalog.processed.entities.count", description="Entities that were processed, by result"
        )
        self._processing = metrics.create_histogram(
            "catalog.processing.duration",
            description="How long entities took from the beginning of their run until what came of it was stored",
            unit="s",
        )
        self._processors = metrics.create_histogram(
            "catalog.processors.duration", description="How long the processors took for an entity", unit="s"
        )
        self._processing_delay = metrics.create_histogram(
            "catalog.processing.queue.delay",
            description="How long the first entity of a batch had been due when the batch was begun",
            unit="s",
        )
        self._stitched = metrics.create_counter(
            "catalog.stitched.entities.count", description="Entities that were stitched, by result"
        )
        self._mended = metrics.create_counter(
            "catalog.mended.entities.count", description="Entities that were not served as they should have been"
        )
        self._stitching = metrics.create_histogram(
            "catalog.stitching.duration", description="How long a batch of stitches took", unit="s"
        )
        self._stitching_delay = metrics.create_histogram(
            "catalog.stitching.queue.delay",
            description="How long the first entity of a batch had waited to be stitched",
            unit="s",
        )

    def run(self, seconds: float, *, is_good: bool) -> None:
        """Measures the run of an entity through the processors."""
        self._processors.record(seconds, {"result": "ok" if is_good else "failed"})

    def processed(self, result: ProcessingResult, seconds: float | None = None, count: int = 1) -> None:
        """Counts entities, and measures how long one took until it was stored."""
        self._processed.add(count, {"result": result})
        if seconds is not None:
            self._processing.record(seconds, {"result": result})

    def begun(self, due_since: datetime | None) -> None:
        """Measures how long the first entity of a batch had been due."""
        if due_since is not None:
            self._processing_delay.record(_seconds_since(due_since))

    def stitched(self, changed: int, unchanged: int, seconds: float, requested_at: datetime | None) -> None:
        """Counts the entities of a batch of stitches, and measures how long it took and they had waited."""
        for result, count in (("changed", changed), ("unchanged", unchanged)):
            if count:
                self._stitched.add(count, {"result": result})
        self._stitching.record(seconds, {"result": "changed" if changed else "unchanged"})
        if requested_at is not None:
            self._stitching_delay.record(_seconds_since(requested_at))

    def mended(self, problem: str, count: int) -> None:
        """Counts entities that were not served as they should have been."""
        self._mended.add(count, {"problem": problem})

    def stitching_failed(self, seconds: float) -> None:
        """Counts a batch of stitches that failed as a whole."""
        self._stitched.add(1, {"result": "error"})
        self._stitching.record(seconds, {"result": "error"})


class CatalogSizes:
    """How much there is in the catalog, counted while somebody asks for it.

    The instruments are read by others, at any time and maybe in another thread. So the numbers are counted beforehand,
    and only if they were read since they were counted last.

    Args:
        metrics: makes the instruments.
        database: where to count.
        clock: seconds that never go back.
    """

    def __init__(
        self, metrics: MetricsService, database: DatabaseService, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._clock = clock
        self._sizes = NOTHING
        self._kinds: set[str] = set()
        self._counted_at = -FRESH_SECONDS
        self._is_asked_for = False
        metrics.create_observable_gauge("catalog_entities_count", self._entities, description="Entities, by kind")
        for name, value, description in (
            ("catalog_registered_locations_count", lambda: self._sizes.locations, "Registered locations"),
            ("catalog_relations_count", lambda: self._sizes.relations, "Relations; an estimate on Postgres"),
            ("catalog.stitching.queue.length", lambda: self._sizes.to_stitch, "Entities that wait to be stitched"),
            ("catalog.processing.queue.length", lambda: self._sizes.due, "Entities that are due to be processed"),
        ):
            metrics.create_observable_gauge(name, self._observing(value), description=description)
        metrics.create_observable_gauge(
            "catalog.processing.queue.age", self._age, description="How long the first entity has been due", unit="s"
        )

    async def keep_counting(self) -> None:
        """Counts now and then, until it is cancelled."""
        while True:
            await self.count()
            await asyncio.sleep(LOOKS_SECONDS)

    async def count(self) -> None:
        """Counts anew, if somebody has asked since the last time, and that was a while ago."""
        if self._is_asked_for and self._clock() - self._counted_at >= FRESH_SECONDS:
            self._is_asked_for = False
            self._sizes = await sizes.count(self._database, datetime.now(UTC))
            self._kinds |= self._sizes.by_kind.keys()
            self._counted_at = self._clock()

    @property
    def is_counted(self) -> bool:
        """Whether there are numbers yet."""
        return self._sizes is not NOTHING

    def _entities(self) -> Iterable[Observation]:
        self._is_asked_for = True
        # A kind that is gone is 0 from then on, rather than what it was last.
        return [Observation(self._sizes.by_kind.get(kind, 0), {"kind": kind}) for kind in sorted(self._kinds)]

    def _observing(self, value: Callable[[], int]) -> Callable[[], Iterable[Observation]]:
        def observe() -> Iterable[Observation]:
            self._is_asked_for = True
            return [Observation(value())] if self.is_counted else []

        return observe

    def _age(self) -> Iterable[Observation]:
        self._is_asked_for = True
        if not self.is_counted:
            return []
        oldest = self._sizes.oldest_due
        return [Observation(0.0 if oldest is None else _seconds_since(oldest))]


def _seconds_since(time_before: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - time_before).total_seconds())

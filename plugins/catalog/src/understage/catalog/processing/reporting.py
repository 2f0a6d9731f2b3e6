"""Tells what came of processing: to the log, to subscribers of events, and to the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from understage.catalog.metrics import CatalogMetrics, ProcessingResult
from understage.catalog.processing.announcing import Announcer
from understage.catalog.processing.discovery import Conflict
from understage.catalog.processing.stitcher import StitchedBatch
from understage.catalog.processing.storing import Processed, StoredBatch
from understage.catalog_api import CONFLICT_TOPIC, ERRORS_TOPIC, ConflictPayload, ErrorsPayload
from understage.catalog_api.annotations import MANAGED_BY_LOCATION
from understage.plugin_api import LoggerService


class Reporter:
    """Tells what came of processing.

    Args:
        logger: the catalog's logger.
        announcer: publishes events.
        metrics: the catalog's instruments.
    """

    def __init__(self, logger: LoggerService, announcer: Announcer, metrics: CatalogMetrics | None) -> None:
        self._logger = logger
        self._announcer = announcer
        self.metrics = metrics

    def stored(self, processed: Sequence[Processed], stored: StoredBatch) -> None:
        """Tells of a batch that was processed and stored."""
        self._waiting(processed)
        for one in processed:
            self._result(one)
            if one.outcome.errors:
                self._errors(one)
        for conflict in stored.conflicts:
            self._conflict(conflict)
        if stored.deleted:
            self._logger.info("Deleted entities that nothing leads to any more", count=len(stored.deleted))

    def failed(self, count: int) -> None:
        """Counts entities of a batch that could not be stored; they are tried again."""
        if self.metrics is not None:
            self.metrics.processed("failed", count=count)

    @contextmanager
    def stitching(self) -> Iterator[Callable[[StitchedBatch], None]]:
        """Measures a batch of stitches; the block says what came of it."""
        begun_at = time.monotonic()

        def report(batch: StitchedBatch) -> None:
            if self.metrics is not None and batch.looked_at:
                seconds = time.monotonic() - begun_at
                self.metrics.stitched(batch.changed, batch.looked_at - batch.changed, seconds, batch.requested_at)

        try:
            yield report
        except Exception:
            if self.metrics is not None:
                self.metrics.stitching_failed(time.monotonic() - begun_at)
            raise

    def _result(self, one: Processed) -> None:
        if self.metrics is None:
            return
        result: ProcessingResult = "changed"
        if one.is_repetition:
            result = "unchanged"
        elif not one.is_good:
            result = "errors"
        self.metrics.processed(result, time.monotonic() - one.begun_at)

    def _errors(self, one: Processed) -> None:
        outcome = one.outcome
        if not one.is_repetition:
            for error in outcome.errors:
                self._logger.warning(
                    "An entity could not be processed as it is",
                    entity=one.claimed.entity_ref,
                    location=str(outcome.location),
                    problem=f"{error['name']}: {error['message']}",
                )
        payload: ErrorsPayload = {
            "entity": one.claimed.entity_ref,
            "location": _location(one.claimed.unprocessed_entity),
            "errors": outcome.errors,
        }
        self._announcer.tell(ERRORS_TOPIC, payload)

    def _conflict(self, conflict: Conflict) -> None:
        self._logger.warning(str(conflict), entity=conflict.ref)
        if conflict.location_key is not None and conflict.holder is not None:
            payload: ConflictPayload = {
                "unprocessedEntity": msgspec.json.decode(conflict.child.entity),
                "entityRef": conflict.ref,
                "newLocationKey": conflict.location_key,
                "existingLocationKey": conflict.holder,
                "lastConflictAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }
            self._announcer.tell(CONFLICT_TOPIC, payload)

    def _waiting(self, processed: Sequence[Processed]) -> None:
        reasons = [one.outcome.postponed for one in processed if one.outcome.postponed is not None]
        if reasons:
            self._logger.warning(
                "Entities wait until a host wants to be asked again", count=len(reasons), problem=str(reasons[0])
            )


def _location(unprocessed_entity: str) -> str | None:
    annotations = msgspec.json.decode(unprocessed_entity)["metadata"].get("annotations")
    found = annotations.get(MANAGED_BY_LOCATION) if isinstance(annotations, dict) else None
    return found if isinstance(found, str) else None

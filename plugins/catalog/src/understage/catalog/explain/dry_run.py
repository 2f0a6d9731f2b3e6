"""Runs an entity through the processors without storing anything, and notes what each of them does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from understage.catalog.explain.model import Step
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.processing.pipeline import Pipeline
from understage.catalog.processing.processors import Processors
from understage.catalog_api import CatalogProcessor, Emit, EntityJson, EntityRef, LocationRef, ProcessorCache

MAX_CHANGES = 20

T = TypeVar("T")


async def dry_run(
    processors: Sequence[CatalogProcessor], make_pipeline: Callable[[Processors], Pipeline], ref: str, entity: str
) -> list[Step]:
    """Processes an entity, without what processors remember of it.

    Args:
        processors: the processors in their order.
        make_pipeline: makes a pipeline of processors.
        ref: the entity's full name.
        entity: its JSON text as it was found.

    Returns:
        what the processors did, in order; those that left everything alone are left out.
    """
    steps: list[Step] = []
    traced = Processors([_Traced(one, steps) for one in processors])
    outcome = await make_pipeline(traced).run(ref, msgspec.json.decode(entity), text_hash(entity), {})
    told = {step.error.partition(": ")[2] for step in steps if step.error is not None}
    own = [f"{one['name']}: {one['message']}" for one in outcome.errors if not any(text in str(one) for text in told)]
    steps += [Step("the catalog itself", "check", "failed", error=text) for text in own]
    return [step for step in steps if step.effect != "nothing"]


class _Traced(CatalogProcessor):
    """A processor that is watched."""

    def __init__(self, processor: CatalogProcessor, steps: list[Step]) -> None:
        self._processor = processor
        self._steps = steps

    @property
    def name(self) -> str:
        return self._processor.name

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        def work(watched: Emit) -> Awaitable[EntityJson]:
            return self._processor.pre_process_entity(
                entity, location=location, origin=origin, emit=watched, cache=cache
            )

        return await self._changing("preProcess", entity, emit, work)

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        with self._watch("validate") as told:
            is_valid = await self._processor.validate_entity_kind(entity)
            told["effect"] = "valid" if is_valid else "nothing"
            return is_valid

    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        with self._watch("read") as told:
            watched = _Watched(emit)
            told["emitted"] = watched.counts
            is_read = await self._processor.read_location(location, optional=optional, emit=watched, cache=cache)
            told["effect"] = "read" if is_read else "nothing"
            return is_read

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        def work(watched: Emit) -> Awaitable[EntityJson]:
            return self._processor.post_process_entity(entity, location=location, emit=watched, cache=cache)

        return await self._changing("postProcess", entity, emit, work)

    async def _changing(
        self, step: str, entity: EntityJson, emit: Emit, work: Callable[[Emit], Awaitable[EntityJson]]
    ) -> EntityJson:
        before = msgspec.json.decode(msgspec.json.encode(entity))
        with self._watch(step) as told:
            watched = _Watched(emit)
            told["emitted"] = watched.counts
            after = await work(watched)
            told["changes"] = list(_changes(before, after))[:MAX_CHANGES]
            if told["changes"]:
                told["effect"] = "changed"
            elif watched.counts:
                told["effect"] = "emitted"
            return after

    @contextmanager
    def _watch(self, step: str) -> Iterator[dict[str, Any]]:
        told: dict[str, Any] = {"effect": "nothing"}
        begun_at = time.perf_counter()
        try:
            yield told
        except Exception as error:
            told |= {"effect": "failed", "error": f"{type(error).__name__}: {error}"}
            raise
        finally:
            took = round((time.perf_counter() - begun_at) * 1000, 3)
            told["emitted"] = dict(told.get("emitted", {}))
            self._steps.append(Step(self.name, step, milliseconds=took, **told))


class _Watched:
    """Counts what is emitted; implements `Emit`."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.counts: Counter[str] = Counter()

    def entity(self, entity: EntityJson, **named: Any) -> None:
        self.counts["entities"] += 1
        self._emit.entity(entity, **named)

    def location(self, location: LocationRef) -> None:
        self.counts["locations"] += 1
        self._emit.location(location)

    def relation(self, source: EntityRef, type: str, target: EntityRef) -> None:
        self.counts["relations"] += 1
        self._emit.relation(source, type, target)

    def refresh(self, key: str) -> None:
        self.counts["refresh keys"] += 1
        self._emit.refresh(key)

    def error(self, error: Exception) -> None:
        self.counts["errors"] += 1
        self._emit.error(error)

    def document_error(self, error: Exception) -> None:
        self.counts["errors"] += 1
        self._emit.document_error(error)

    def unchanged(self) -> None:
        self._emit.unchanged()

    def __getattr__(self, name: str) -> Any:
        """Passes on what else the catalog's own processors use of it."""
        return getattr(self._emit, name)


def _changes(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yields the dotted paths of members that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            if key not in before or key not in after:
                yield f"{path}{key}"
            else:
                yield from _changes(before[key], after[key], f"{path}{key}.")
    elif before != after:
        yield path.removesuffix(".")

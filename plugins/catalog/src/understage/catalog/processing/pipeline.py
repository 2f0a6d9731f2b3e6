"""The run of one entity through all processors."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from understage.catalog.model.envelope import check_envelope, enforce_policies
from understage.catalog.processing.collector import Child, Collector, RunCache
from understage.catalog.processing.content_hash import content_hash
from understage.catalog.processing.location_targets import LOCATION_KIND, is_optional, location_targets
from understage.catalog.processing.processors import Processors
from understage.catalog.rules import CatalogRules
from understage.catalog_api import (
    CatalogProcessor,
    EntityJson,
    LocationRef,
    annotations,
    parse_location_ref,
    stringify_entity_ref,
)
from understage.errors import ForwardedError, InputError, UnderstageError, serialize_error

MAX_ERROR_CHARACTERS = 5000
FINGERPRINT = "fingerprint"
TYPES_FROM_ANYWHERE = ("url",)
UNKNOWN = LocationRef("unknown", "unknown")

T = TypeVar("T")
CacheOf = Callable[[CatalogProcessor], RunCache]


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        entity: the finished entity, or None if the run failed: its last good version stays.
        location: where the entity was found.
        errors: JSON forms of everything that went wrong.
        children: entities that it leads to.
        relations: source, type and target.
        cache: what the next run shall find, by processor.
        is_complete: whether `children` are all that there are; if not, those known before stay as well.
        is_unchanged: whether nothing needs to be stored.
    """

    entity: EntityJson | None
    location: LocationRef
    errors: list[dict[str, Any]]
    children: list[Child] = field(default_factory=list)
    relations: list[tuple[str, str, str]] = field(default_factory=list)
    cache: dict[str, Any] = field(default_factory=dict)
    is_complete: bool = True
    is_unchanged: bool = False

    def hash(self) -> str:
        """Returns a hash by which an outcome that changes nothing is recognised."""
        children = sorted((child.ref, child.hash, child.location_key) for child in self.children)
        return content_hash([self.entity, self.errors, children, self.relations, self.is_complete])


class Pipeline:
    """Runs entities through the processors.

    Args:
        processors: the processors.
        rules: which kinds may come from where.
    """

    def __init__(self, processors: Processors, rules: CatalogRules) -> None:
        self._processors = processors
        self._rules = rules
        self._fingerprint = content_hash([[one.name for one in processors.all], repr(rules.rules)])

    async def run(self, ref: str, entity: EntityJson, unprocessed_hash: str, cache: dict[str, Any]) -> Outcome:
        """Processes an entity.

        Args:
            ref: the name by which the catalog knows it.
            entity: as it was found.
            unprocessed_hash: of the entity as it was found.
            cache: what the last run has left.
        """
        fingerprint = f"{self._fingerprint}:{unprocessed_hash}"
        known = cache if cache.get(FINGERPRINT) == fingerprint else {}
        caches: dict[str, RunCache] = {}

        def cache_of(processor: CatalogProcessor) -> RunCache:
            return caches.setdefault(processor.name, RunCache(known.get(processor.name, {})))

        location = UNKNOWN
        collector = Collector(ref, UNKNOWN, self._rules)
        finished: EntityJson | None = None
        try:
            location, collector.origin = _places(entity)
            finished = await self._steps(ref, entity, location, collector, cache_of)
        except Exception as error:  # noqa: BLE001 - processors are other people's code: any failure is this entity's own
            collector.error(error)
        collector.is_open = False
        return self._outcome(location, finished, collector, caches, known, fingerprint)

    def _outcome(
        self,
        location: LocationRef,
        finished: EntityJson | None,
        collector: Collector,
        caches: dict[str, RunCache],
        known: dict[str, Any],
        fingerprint: str,
    ) -> Outcome:
        problems = [*collector.errors, *collector.document_errors]
        failed = bool(collector.errors) or (bool(collector.document_errors) and not collector.children)
        kept = {name: cache.kept() for name, cache in caches.items() if cache.kept()}
        return Outcome(
            entity=None if failed else finished,
            location=location,
            errors=[_error_json(error) for error in problems],
            children=[] if collector.errors else list(collector.children.values()),
            relations=[] if failed else sorted(collector.relations),
            cache={**known, **kept, FINGERPRINT: fingerprint} if kept or known else {},
            is_complete=not problems,
            is_unchanged=collector.is_unchanged and not problems,
        )

    async def _steps(
        self, ref: str, entity: EntityJson, location: LocationRef, emit: Collector, cache_of: CacheOf
    ) -> EntityJson:
        for processor in self._processors.before:
            entity = await _named(
                processor,
                "pre-processing",
                ref,
                processor.pre_process_entity(
                    entity, location=location, origin=emit.origin, emit=emit, cache=cache_of(processor)
                ),
            )
        check_envelope(entity)
        if stringify_entity_ref(entity) != ref:
            raise InputError(f"a processor has changed the name of {ref} to {stringify_entity_ref(entity)}")
        try:
            entity = enforce_policies(entity)
        except InputError as error:
            raise InputError(f"Policy check failed for {ref}", error) from error
        await self._validate_kind(ref, entity)
        if entity["kind"] == LOCATION_KIND:
            await self._read_targets(entity, location, emit, cache_of)
        for processor in self._processors.after:
            entity = await _named(
                processor,
                "post-processing",
                ref,
                processor.post_process_entity(entity, location=location, emit=emit, cache=cache_of(processor)),
            )
        return entity

    async def _validate_kind(self, ref: str, entity: EntityJson) -> None:
        known = False
        for processor in self._processors.kinds:
            if await _named(processor, "validating", ref, processor.validate_entity_kind(entity)):
                known = True
        if not known:
            raise InputError(
                f"No processor recognized the entity {ref} as valid, possibly caused by a foreign kind or apiVersion"
            )

    async def _read_targets(
        self, entity: EntityJson, location: LocationRef, emit: Collector, cache_of: CacheOf
    ) -> None:
        optional = is_optional(entity)
        targets = list(location_targets(entity, location))
        if len(targets) > 1:
            # The outcome is stored as a whole: one target that is read anew needs the entities of all others as well.
            cache_of = _no_cache
        for target in targets:
            if location.type != "file" and target.type not in (location.type, *TYPES_FROM_ANYWHERE):
                # Otherwise whoever may register an address could read the files of this machine. Its own files may.
                emit.document_error(
                    InputError(
                        f"{target} is not read: a Location found at {location} may name targets of the types "
                        f"{', '.join(sorted({location.type, *TYPES_FROM_ANYWHERE}))} only"
                    )
                )
                continue
            await self._read_target(target, optional, emit, cache_of)

    async def _read_target(self, target: LocationRef, optional: bool, emit: Collector, cache_of: CacheOf) -> None:
        for processor in self._processors.readers:
            reading = processor.read_location(target, optional=optional, emit=emit, cache=cache_of(processor))
            try:
                if await reading:
                    return
            except Exception as error:  # noqa: BLE001 - readers are other people's code; the other targets go on
                emit.document_error(ForwardedError(f"{target} could not be read", error))
                return
        emit.document_error(
            InputError(
                f"No processor was able to handle reading of {target}: no processor of this backend reads the type "
                f"'{target.type}'; add the module that does"
            )
        )


def _no_cache(processor: CatalogProcessor) -> RunCache:
    return RunCache({})


async def _named(processor: CatalogProcessor, step: str, ref: str, work: Awaitable[T]) -> T:
    try:
        return await work
    except Exception as error:
        raise InputError(f"Processor {processor.name} threw an error while {step} the entity {ref}", error) from error


def _places(entity: EntityJson) -> tuple[LocationRef, LocationRef]:
    """Returns where an entity was found, and the registered place that led to it."""
    found = entity["metadata"].get("annotations")
    if not isinstance(found, dict):
        return UNKNOWN, UNKNOWN
    location = found.get(annotations.MANAGED_BY_LOCATION)
    origin = found.get(annotations.MANAGED_BY_ORIGIN_LOCATION, location)
    place = parse_location_ref(location) if location else UNKNOWN
    return place, parse_location_ref(origin) if origin else place


def _error_json(error: BaseException) -> dict[str, Any]:
    form: dict[str, Any] = {**serialize_error(error)}
    form["message"] = form["message"][:MAX_ERROR_CHARACTERS]
    if isinstance(error, UnderstageError) and error.__cause__ is not None:
        form["cause"] = _error_json(error.__cause__)
    return form

"""The run of one entity through all processors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from understage.catalog.model.envelope import check_envelope, enforce_policies
from understage.catalog.model.field_formats import DEFAULT_FORMATS, FieldFormats
from understage.catalog.model.paths import check_paths
from understage.catalog.processing.collector import UNKNOWN, Child, Collector, RunCache
from understage.catalog.processing.content_hash import content_hash
from understage.catalog.processing.location_reading import CacheOf, LocationReading
from understage.catalog.processing.location_targets import LOCATION_KIND, ResolveUrl
from understage.catalog.processing.postponing import postponed_by
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
from understage.errors import InputError, SerializedError, ServiceUnavailableError, serialize_error

MAX_ERROR_CHARACTERS = 5000
FINGERPRINT = "fingerprint"
FAILURES = "failures"
FAILURES_UNTIL_FORGOTTEN = 5
TYPES_FROM_ANYWHERE = ("url",)


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        entity: the finished entity, or None if the run failed: its last good version stays.
        location: where the entity was found.
        errors: JSON forms of everything that went wrong.
        problems: the same as it was raised.
        children: entities that it leads to.
        relations: source, type and target.
        refresh_keys: names of what the entity is made of.
        cache: what the next run shall find, by processor.
        is_complete: whether `children` are all that there are; if not, those known before stay as well.
        is_unchanged: whether nothing needs to be stored.
        postponed: why the rest has to wait, and how long; None if everything was done.
    """

    entity: EntityJson | None
    location: LocationRef
    errors: list[dict[str, Any]]
    problems: list[Exception] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    relations: list[tuple[str, str, str]] = field(default_factory=list)
    refresh_keys: list[str] = field(default_factory=list)
    cache: dict[str, Any] = field(default_factory=dict)
    is_complete: bool = True
    is_unchanged: bool = False
    postponed: ServiceUnavailableError | None = None

    def hash(self) -> str:
        """Returns a hash by which an outcome that changes nothing is recognised."""
        children = sorted((child.ref, child.hash, child.location_key) for child in self.children)
        return content_hash([self.entity, self.errors, children, self.relations, self.refresh_keys, self.is_complete])


class Pipeline:
    """Runs entities through the processors.

    Args:
        processors: the processors.
        rules: which kinds may come from where.
        resolve_url: resolves addresses relative to others; by default as browsers do.
        allowed_types: types of targets that Locations may name wherever they were found.
        formats: of the members that all entities have.
    """

    def __init__(
        self,
        processors: Processors,
        rules: CatalogRules,
        resolve_url: ResolveUrl | None = None,
        allowed_types: Sequence[str] = TYPES_FROM_ANYWHERE,
        formats: FieldFormats = DEFAULT_FORMATS,
    ) -> None:
        self._processors = processors
        self._rules = rules
        self._formats = formats
        self._reading = LocationReading(processors.readers, allowed_types, resolve_url or _resolve_plainly)
        self._reader_names = frozenset(one.name for one in processors.readers)
        names = [one.name for one in processors.all]
        self._fingerprint = content_hash([names, repr(rules.rules), sorted(allowed_types)])

    def fingerprint(self, unprocessed_hash: str) -> str:
        """Returns what the outcome follows from, if no processor asks others.

        Args:
            unprocessed_hash: of the entity as it was found.
        """
        return f"{self._fingerprint}:{unprocessed_hash}"

    def settles(self, entity: EntityJson) -> bool:
        """Tells whether the outcome follows from the entity and the configuration alone.

        Args:
            entity: as it was found.
        """
        return entity.get("kind") != LOCATION_KIND and all(
            one.depends_only_on(entity) for one in self._processors.of_all_kinds
        )

    async def run(self, ref: str, entity: EntityJson, unprocessed_hash: str, cache: dict[str, Any]) -> Outcome:
        """Processes an entity.

        Args:
            ref: the name by which the catalog knows it.
            entity: as it was found.
            unprocessed_hash: of the entity as it was found.
            cache: what the last run has left.
        """
        fingerprint = self.fingerprint(unprocessed_hash)
        known = cache if cache.get(FINGERPRINT) == fingerprint else {}
        caches: dict[str, RunCache] = {}

        def cache_of(processor: CatalogProcessor) -> RunCache:
            return caches.setdefault(processor.name, RunCache(known.get(processor.name, {})))

        location = UNKNOWN
        collector = Collector(ref, UNKNOWN, self._rules)
        finished: EntityJson | None = None
        try:
            location, collector.origin = _places(entity)
            collector.place = location
            finished = await self._steps(ref, entity, location, collector, cache_of)
        except Exception as error:  # noqa: BLE001 - processors are other people's code: any failure is this entity's own
            reason = postponed_by(error)
            if reason is not None:
                collector.postpone(reason)
            else:
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
        stopped = finished is None or bool(collector.errors)
        failed = stopped or (bool(problems or collector.postponed) and not collector.children)
        has_waited = collector.postponed is not None and (stopped or not collector.children)
        return Outcome(
            entity=None if failed else finished,
            location=location,
            errors=[_error_json(error) for error in problems],
            problems=problems,
            children=[] if stopped else list(collector.children.values()),
            relations=[] if failed else sorted(collector.relations),
            refresh_keys=[] if failed else sorted(collector.refresh_keys),
            cache=self._memory(collector, caches, known, fingerprint, stopped=stopped),
            is_complete=not problems and collector.postponed is None,
            is_unchanged=not problems and (collector.is_unchanged or has_waited),
            postponed=collector.postponed,
        )

    def _memory(
        self,
        collector: Collector,
        caches: dict[str, RunCache],
        known: dict[str, Any],
        fingerprint: str,
        *,
        stopped: bool,
    ) -> dict[str, Any]:
        """Returns what the next run shall find: all of it for some failing runs, and then what is fresh."""
        failures = known.get(FAILURES, 0) + 1 if collector.errors or collector.document_errors else 0
        is_old = failures >= FAILURES_UNTIL_FORGOTTEN
        kept = {} if is_old else {name: value for name, value in known.items() if name not in (FINGERPRINT, FAILURES)}
        kept |= {name: cache.written for name, cache in caches.items() if cache.written}
        if stopped:
            # What readers have found is not stored then, so they must not take it for known.
            kept = {name: value for name, value in kept.items() if name not in self._reader_names}
        if not kept:
            return {}
        return {**kept, FINGERPRINT: fingerprint, **({FAILURES: failures} if failures and not is_old else {})}

    async def _steps(
        self, ref: str, entity: EntityJson, location: LocationRef, emit: Collector, cache_of: CacheOf
    ) -> EntityJson:
        for processor in self._processors.before:
            try:
                entity = await processor.pre_process_entity(
                    entity, location=location, origin=emit.origin, emit=emit, cache=cache_of(processor)
                )
            except Exception as error:
                raise _named(error, processor, "pre-processing", ref) from error
        check_envelope(entity)
        name = stringify_entity_ref(entity)
        if name != ref:
            raise InputError(f"a processor has changed the name of {ref} to {name}")
        try:
            entity = enforce_policies(entity, self._formats)
        except InputError as error:
            raise InputError(f"Policy check failed for {ref}", error) from error
        await self._validate_kind(ref, entity)
        if entity["kind"] == LOCATION_KIND:
            await self._reading.read(entity, location, emit, cache_of)
        for processor in self._processors.after:
            try:
                entity = await processor.post_process_entity(
                    entity, location=location, emit=emit, cache=cache_of(processor)
                )
            except Exception as error:
                raise _named(error, processor, "post-processing", ref) from error
        check_paths(entity)
        return entity

    async def _validate_kind(self, ref: str, entity: EntityJson) -> None:
        known = False
        for processor in self._processors.kinds:
            try:
                known = await processor.validate_entity_kind(entity) or known
            except Exception as error:
                raise _named(error, processor, "validating", ref) from error
        if not known:
            raise InputError(
                f"No processor recognized the entity {ref} as valid, possibly caused by a foreign kind or apiVersion"
            )


def _named(error: Exception, processor: CatalogProcessor, step: str, ref: str) -> InputError:
    return InputError(f"Processor {processor.name} threw an error while {step} the entity {ref}", error)


def _resolve_plainly(url: str, base: str) -> str:
    return urljoin(base, url)


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
    return _shortened(serialize_error(error))


def _shortened(form: SerializedError) -> SerializedError:
    form["message"] = form["message"][:MAX_ERROR_CHARACTERS]
    if isinstance(form.get("cause"), dict):
        _shortened(form["cause"])
    return form

"""Collects what processors emit during the run of one entity."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from understage.catalog.model.envelope import check_envelope
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.providers.config_locations import location_entity
from understage.catalog.rules import CatalogRules
from understage.catalog_api import EntityJson, EntityRef, LocationRef, annotations, stringify_entity_ref
from understage.errors import ForwardedError, InputError, NotAllowedError, ServiceUnavailableError

_BY_LOCATION = "\0"
UNKNOWN = LocationRef("unknown", "unknown")


@dataclass(frozen=True, slots=True)
class Child:
    """An entity that another one led to.

    Attributes:
        ref: its name.
        entity: its JSON text.
        hash: of the text.
        location_key: who may change it later.
    """

    ref: str
    entity: str
    hash: str
    location_key: str | None


@dataclass(slots=True)
class Collector:
    """What one run emits; implements `Emit`.

    Attributes:
        parent: the entity that is being processed.
        origin: the registered place that led to it.
        rules: which kinds may come from where.
        children: entities that it leads to, by name.
        relations: source, type and target.
        refresh_keys: names of what the entity is made of.
        errors: errors because of which the run counts as failed.
        document_errors: errors of single documents, which leave the others alone.
        place: where the entity that is being processed was found.
        is_unchanged: whether the location reads as it did in the last run.
        postponed: why a part of the work cannot be done before a certain time.
        is_open: whether the run goes on; what comes later is dropped.
    """

    parent: str
    origin: LocationRef
    rules: CatalogRules
    children: dict[str, Child] = field(default_factory=dict)
    relations: set[tuple[str, str, str]] = field(default_factory=set)
    refresh_keys: set[str] = field(default_factory=set)
    errors: list[Exception] = field(default_factory=list)
    document_errors: list[Exception] = field(default_factory=list)
    place: LocationRef = UNKNOWN
    is_unchanged: bool = False
    postponed: ServiceUnavailableError | None = None
    is_open: bool = True

    def entity(self, entity: EntityJson, *, location: LocationRef, location_key: str | None = _BY_LOCATION) -> None:
        """Takes an entity, unless its envelope is broken or its kind may not come from here."""
        if not self.is_open:
            return
        try:
            check_envelope(entity)
            self.rules.check(entity, self.origin)
            ref = stringify_entity_ref(entity)
        except (InputError, NotAllowedError) as error:
            self.document_errors.append(ForwardedError(str(location), error))
            return
        if ref == self.parent:
            return
        if ref in self.children:
            self.document_errors.append(
                InputError(f"{location}: {ref} is here a second time; only the first one is used")
            )
            return
        text = msgspec.json.encode(_with_locations(entity, location, self.origin))
        key = str(location) if location_key == _BY_LOCATION else location_key
        self.children[ref] = Child(ref, text.decode(), text_hash(text), key)

    def location(self, location: LocationRef) -> None:
        """Takes a place to read further entities from."""
        self.entity(location_entity(location), location=self.place)

    def relation(self, source: EntityRef, type: str, target: EntityRef) -> None:
        """Takes a relation."""
        if self.is_open:
            self.relations.add((str(source), type, str(target)))

    def refresh(self, key: str) -> None:
        """Takes the name of something that the entity is made of."""
        if self.is_open:
            self.refresh_keys.add(key)

    def postpone(self, reason: ServiceUnavailableError) -> None:
        """Notes that a host wants to be asked later; the latest time counts."""
        if self.postponed is None or (reason.retry_after or 0) > (self.postponed.retry_after or 0):
            self.postponed = reason

    def error(self, error: Exception) -> None:
        """Takes an error that fails the run."""
        if self.is_open:
            self.errors.append(error)

    def document_error(self, error: Exception) -> None:
        """Takes an error of one document."""
        if self.is_open:
            self.document_errors.append(error)

    def unchanged(self) -> None:
        """Notes that nothing needs to be emitted again."""
        self.is_unchanged = True


def _with_locations(entity: EntityJson, location: LocationRef, origin: LocationRef) -> EntityJson:
    metadata = entity["metadata"]
    own = metadata.get("annotations")
    places = {
        annotations.MANAGED_BY_LOCATION: str(location),
        annotations.MANAGED_BY_ORIGIN_LOCATION: str(origin),
    }
    if own is not None and not isinstance(own, dict):
        return entity  # the schema refuses it when its turn comes, and says so better
    kept = {key: value for key, value in (own or {}).items() if key not in places}
    return {**entity, "metadata": {**metadata, "annotations": {**places, **kept}}}


class RunCache:
    """What one processor remembers of one entity; implements `ProcessorCache`.

    Args:
        known: what earlier runs have set.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known
        self.written: dict[str, Any] = {}

    def blank(self) -> "RunCache":
        """Returns a cache that knows nothing, and writes into this one."""
        other = RunCache({})
        other.written = self.written
        return other

    def get(self, key: str) -> Any:
        """Returns what an earlier run has set, or None."""
        return self._known.get(key)

    def set(self, key: str, value: Any) -> None:
        """Remembers a JSON value for later runs."""
        self.written[key] = value

    def kept(self) -> dict[str, Any]:
        """Returns what the next run shall find."""
        return self.written or self._known

"""Processors: what turns what was read somewhere into entities with relations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from understage.catalog_api.entity import EntityJson
from understage.catalog_api.refs import EntityRef, LocationRef

DEFAULT_PRIORITY = 20


class Emit(Protocol):
    """Takes what a processor finds beside the entity itself. What comes after the entity is done is dropped."""

    def entity(self, entity: EntityJson, *, location: LocationRef, location_key: str | None = ...) -> None:
        """Emits an entity that the current one leads to, to be processed in its turn.

        Args:
            entity: at least `apiVersion`, `kind` and `metadata.name`.
            location: where it was found.
            location_key: who may change it later: others that emit the same name with another key are refused.
                By default the location; None lets anybody.
        """
        ...

    def location(self, location: LocationRef) -> None:
        """Emits a place to read further entities from."""
        ...

    def relation(self, source: EntityRef, type: str, target: EntityRef) -> None:
        """Emits a relation; its inverse is to be emitted as well."""
        ...

    def refresh(self, key: str) -> None:
        """Emits the name of something that the entity is made of, so that it is looked at again when that changes.

        Args:
            key: such as `url:https://...`; providers refresh by it.
        """
        ...

    def error(self, error: Exception) -> None:
        """Emits an error without ending the run; the entity's last good version stays."""
        ...

    def document_error(self, error: Exception) -> None:
        """Emits an error of one document among several: the others are taken over all the same."""
        ...

    def unchanged(self) -> None:
        """Says that the location reads as it did in the last run, so that nothing needs to be emitted again."""
        ...


class ProcessorCache(Protocol):
    """What a processor remembers of an entity from run to run."""

    def get(self, key: str) -> Any:
        """Returns what an earlier run has set, or None."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Remembers a JSON value. What a run sets replaces everything that earlier runs have set."""
        ...


class EntityDataParser(Protocol):
    """Understands the files that entities are read from. Called in a thread."""

    def __call__(self, data: bytes, location: LocationRef, /) -> Iterable[EntityJson | Exception]:
        """Returns the entities of a file, and an error in place of each part of it that is none.

        Args:
            data: the file.
            location: where it is.
        """
        ...


class CatalogProcessor:
    """Takes part in the processing of every entity: subclass it and override the steps that matter.

    Steps run one after the other for an entity, each over all processors in the order of their priority. They run on
    the event loop: what takes more than a few milliseconds belongs in a thread.
    """

    @property
    def name(self) -> str:
        """A stable name, unique among processors; also the key of its options in the configuration."""
        return type(self).__name__

    @property
    def priority(self) -> int:
        """Its place in the order: lower comes first."""
        return DEFAULT_PRIORITY

    def depends_only_on(self, entity: EntityJson) -> bool:
        """Tells whether what this processor makes of an entity follows from the entity and the configuration alone.

        If all processors say so, an entity that has not changed need not be run through them every time its interval
        has passed, but only now and then. By default it is, because a processor may ask others: override this in one
        that does not.

        Args:
            entity: as it was found; not to be changed.
        """
        return False

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Returns the entity, maybe changed, before it is validated.

        Args:
            entity: the entity; it may be changed in place.
            location: where it was found.
            origin: the registered place that led to it.
            emit: takes what else was found.
            cache: what this processor remembers of this entity.
        """
        return entity

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        """Tells whether this processor knows the entity's kind, and raises if the entity is no valid one of it."""
        return False

    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        """Reads a place and emits what it holds; returns whether this processor is the one for its type.

        Args:
            location: the place.
            optional: whether a missing target is no error.
            emit: takes the entities.
            cache: what this processor remembers of the Location entity.
        """
        return False

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Returns the entity, maybe changed, after it was validated; emits its relations.

        Args:
            entity: the entity; it may be changed in place.
            location: where it was found.
            emit: takes relations and what else was found.
            cache: what this processor remembers of this entity.
        """
        return entity

"""Entity providers: what brings the first entities into the catalog, and keeps them current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from understage.catalog_api.entity import EntityJson


@dataclass(frozen=True, slots=True)
class DeferredEntity:
    """An entity that is to be processed later.

    Attributes:
        entity: at least `apiVersion`, `kind`, `metadata.name` and the annotation of its location.
        location_key: who may change it later; None lets anybody.
    """

    entity: EntityJson
    location_key: str | None = None


@dataclass(frozen=True, slots=True)
class FullMutation:
    """Replaces everything that the provider has brought before.

    Attributes:
        entities: all that there is now.
    """

    entities: Sequence[DeferredEntity]


@dataclass(frozen=True, slots=True)
class DeltaMutation:
    """Changes a part of what the provider has brought before.

    Attributes:
        added: new or changed entities.
        removed: refs of entities that are gone.
    """

    added: Sequence[DeferredEntity] = ()
    removed: Sequence[str] = ()


class EntityProviderConnection(Protocol):
    """A provider's way into the catalog."""

    async def apply_mutation(self, mutation: FullMutation | DeltaMutation) -> None:
        """Changes what the provider has brought, all of it or nothing.

        Raises:
            InputError: an entity lacks `apiVersion`, `kind` or `metadata.name`.
        """
        ...


class EntityProvider(Protocol):
    """Brings entities into the catalog."""

    @property
    def name(self) -> str:
        """A stable name: what the provider has brought is remembered by it."""
        ...

    async def connect(self, connection: EntityProviderConnection) -> None:
        """Called once at start. The provider keeps the connection and mutates whenever it likes."""
        ...

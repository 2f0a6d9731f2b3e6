"""Entity providers: what brings the first entities into the catalog, and keeps them current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from understage.catalog_api.entity import EntityJson
from understage.errors import ConflictError


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
        force: whether it may remove however much. Otherwise a mutation that would remove all, or too large a part of
            what the provider has brought, is refused: more often than not its source has failed.
    """

    entities: Sequence[DeferredEntity]
    force: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """An entity that is gone.

    Attributes:
        entity_ref: its full name.
        location_key: where it was; if another location has the name by now, nothing is removed. None for wherever.
    """

    entity_ref: str
    location_key: str | None = None


@dataclass(frozen=True, slots=True)
class DeltaMutation:
    """Changes a part of what the provider has brought before.

    Attributes:
        added: new or changed entities.
        removed: entities that are gone, maybe by their refs alone.
    """

    added: Sequence[DeferredEntity] = ()
    removed: Sequence[str | Removal] = ()


class RemovalRefusedError(ConflictError):
    """A full mutation would remove so much that the provider's source has rather failed; nothing was changed."""


class EntityProviderConnection(Protocol):
    """A provider's way into the catalog."""

    async def apply_mutation(self, mutation: FullMutation | DeltaMutation) -> None:
        """Changes what the provider has brought, all of it or nothing.

        Raises:
            InputError: an entity lacks `apiVersion`, `kind` or `metadata.name`.
            RemovalRefusedError: it would remove too much of what the provider has brought.
        """
        ...

    async def refresh(self, keys: Sequence[str]) -> int:
        """Has entities looked at again at once, whoever brought them.

        Args:
            keys: what has changed: the refresh keys that processors have emitted, such as `url:https://...`.

        Returns:
            how many entities have one of the keys.
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

"""Entities: as JSON objects, which keep everything, and as typed views of what every entity has."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from understage.catalog_api.refs import DEFAULT_NAMESPACE, EntityRef

EntityJson = dict[str, Any]
"""An entity as it is on the wire: `apiVersion`, `kind`, `metadata`, `spec`, `relations`, `status` and anything else."""


class EntityLink(msgspec.Struct, omit_defaults=True, frozen=True):
    """A link of an entity to somewhere else.

    Attributes:
        url: the address.
        title: what to show instead of the address.
        icon: name of an icon of the frontend.
        type: what is behind the link, in the installation's own words.
    """

    url: str
    title: str | None = None
    icon: str | None = None
    type: str | None = None


class EntityMetadata(msgspec.Struct, omit_defaults=True, frozen=True):
    """What every entity has besides its kind's own `spec`.

    Attributes:
        name: unique for kind and namespace.
        namespace: where the name counts.
        uid: the catalog's own id; set by the catalog.
        etag: changes when the entity does; set by the catalog.
        title: a name for people.
        description: one or two sentences.
        labels: key and value pairs to select by.
        annotations: key and value pairs for tools.
        tags: single words to select by.
        links: where else to look.
    """

    name: str
    namespace: str = DEFAULT_NAMESPACE
    uid: str | None = None
    etag: str | None = None
    title: str | None = None
    description: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    tags: list[str] = []
    links: list[EntityLink] = []


class EntityRelation(msgspec.Struct, frozen=True, rename="camel"):
    """A relation from an entity to another, which need not exist.

    Attributes:
        type: such as `ownedBy`; see `understage.catalog_api.relations`.
        target_ref: the other entity.
    """

    type: str
    target_ref: str


class EntityStatusItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that is up with an entity, such as an error in its processing.

    Attributes:
        type: who reports it.
        level: how bad it is.
        message: what it is.
        error: the error's JSON form, if it is one.
    """

    type: str
    level: Literal["info", "warning", "error"]
    message: str
    error: dict[str, Any] | None = None


class EntityStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is up with an entity.

    Attributes:
        items: the single reports.
    """

    items: list[EntityStatusItem] = []


class Entity(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A typed view of what every entity has; its kind's own view has `spec` as well.

    Attributes:
        api_version: which edition of the kind it is.
        kind: such as `Component`.
        metadata: what every entity has.
        relations: from this entity to others.
        status: what is up with it.
    """

    api_version: str
    kind: str
    metadata: EntityMetadata
    relations: list[EntityRelation] = []
    status: EntityStatus | None = None

    @property
    def ref(self) -> EntityRef:
        """The entity's name."""
        return EntityRef(self.kind, self.metadata.namespace, self.metadata.name)

"""What the catalog answers, typed."""

from __future__ import annotations

from typing import Any

import msgspec

from understage.catalog_api.entity import EntityJson


class EntityFacet(msgspec.Struct, frozen=True):
    """How often a value occurs.

    Attributes:
        value: the value in its original case.
        count: how many entities have it.
    """

    value: str
    count: int


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Where to go on.

    Attributes:
        next_cursor: leads to the next page, if there is one.
        prev_cursor: leads to the page before, if there is one.
    """

    next_cursor: str | None = None
    prev_cursor: str | None = None


class EntitiesPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of entities.

    Attributes:
        items: the entities.
        total_items: how many there are on all pages.
        page_info: where to go on.
    """

    items: list[EntityJson]
    total_items: int
    page_info: PageInfo


class EntityAncestor(msgspec.Struct, frozen=True, rename="camel"):
    """An entity and what it came from.

    Attributes:
        entity: the entity.
        parent_entity_refs: the entities that led to it; none if a provider brought it.
    """

    entity: EntityJson
    parent_entity_refs: list[str]


class EntityAncestors(msgspec.Struct, frozen=True, rename="camel"):
    """All that an entity came from.

    Attributes:
        root_entity_ref: the entity that was asked for.
        items: it and all that led to it.
    """

    root_entity_ref: str
    items: list[EntityAncestor]


class Location(msgspec.Struct, frozen=True, rename="camel"):
    """A registered location.

    Attributes:
        id: the catalog's own id of it.
        type: such as `url`.
        target: where the entities are.
        entity_ref: the entity that stands for it.
    """

    id: str
    type: str
    target: str
    entity_ref: str = ""


class LocationsPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of locations.

    Attributes:
        items: the locations.
        total_items: how many there are on all pages.
        page_info: where to go on.
    """

    items: list[Location]
    total_items: int
    page_info: PageInfo


class AddedLocation(msgspec.Struct, frozen=True):
    """What came of registering a location.

    Attributes:
        location: the location.
        entities: what it brings, if it was only tried out.
        exists: whether it is registered already, if it was only tried out.
    """

    location: Location
    entities: list[EntityJson] = []
    exists: bool | None = None


class ValidationFault(msgspec.Struct, frozen=True):
    """What is wrong with an entity.

    Attributes:
        name: the name of the error.
        message: what is wrong.
    """

    name: str
    message: str


class EntityValidation(msgspec.Struct, frozen=True):
    """What the catalog says of an entity.

    Attributes:
        is_valid: whether it would be taken.
        errors: what is wrong otherwise.
    """

    is_valid: bool
    errors: list[ValidationFault] = []


class Place(msgspec.Struct, frozen=True):
    """Where entities are.

    Attributes:
        type: such as `url`.
        target: the address.
    """

    type: str
    target: str


class ExistingEntityFile(msgspec.Struct, frozen=True, rename="camel"):
    """An entity that is described at an address already.

    Attributes:
        entity: the entity.
        is_registered: whether the catalog knows its location.
        location: where it is.
    """

    entity: EntityJson
    is_registered: bool
    location: Place


class SuggestedField(msgspec.Struct, frozen=True):
    """What was found out about a field of a suggested entity.

    Attributes:
        field: dotted path, such as `spec.owner`.
        description: what people should know.
        state: `analysisSuggestedValue`, `analysisSuggestedNoValue` or `needsUserInput`.
        value: the value, if there is one.
    """

    field: str
    description: str
    state: str
    value: str | None = None


class SuggestedEntity(msgspec.Struct, frozen=True):
    """An entity to begin with.

    Attributes:
        entity: its known parts.
        fields: what was found out about some of them.
    """

    entity: dict[str, Any]
    fields: list[SuggestedField]


class LocationAnalysis(msgspec.Struct, frozen=True, rename="camel"):
    """What there is at an address.

    Attributes:
        existing_entity_files: entities that are described there.
        generate_entities: suggestions, if there are none.
    """

    existing_entity_files: list[ExistingEntityFile]
    generate_entities: list[SuggestedEntity]

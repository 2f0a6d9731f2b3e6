"""What the catalog tells others through the events service."""

from __future__ import annotations

from typing import Any, TypedDict

from understage.catalog_api.entity import EntityJson

CONFLICT_TOPIC = "experimental.catalog.conflict"
"""Topic of events about entities that were refused, because another location has their names."""

ERRORS_TOPIC = "experimental.catalog.errors"
"""Topic of events about entities that could not be processed as they are."""


class ConflictPayload(TypedDict):
    """What an event of the topic `experimental.catalog.conflict` tells.

    Attributes:
        unprocessedEntity: the entity that was refused, as it was found.
        entityRef: its name.
        newLocationKey: where it was found.
        existingLocationKey: the location that has the name.
        lastConflictAt: when it was refused, in ISO form.
    """

    unprocessedEntity: EntityJson
    entityRef: str
    newLocationKey: str
    existingLocationKey: str
    lastConflictAt: str


class ErrorsPayload(TypedDict):
    """What an event of the topic `experimental.catalog.errors` tells.

    Attributes:
        entity: the name of the entity.
        location: where it was found, or None if it does not say.
        errors: JSON forms of everything that is wrong: `name`, `message` and maybe more.
    """

    entity: str
    location: str | None
    errors: list[dict[str, Any]]

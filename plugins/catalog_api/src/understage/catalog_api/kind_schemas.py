"""Kinds of entities that are known by a JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from understage.catalog_api.entity import EntityJson
from understage.catalog_api.schema_errors import check_schema

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator


class KindSchema:
    """What entities of a kind look like. The schema is compiled when it is first used.

    Args:
        kind: the kind; its case counts.
        api_versions: the versions of it that the schema is for.
        schema: a JSON Schema (draft 7) of the entity. What all kinds have in common need not be in it.
    """

    def __init__(self, kind: str, api_versions: Sequence[str], schema: dict[str, Any]) -> None:
        self.kind = kind
        self.api_versions: frozenset[str] = frozenset(api_versions)
        self._schema = schema
        self._validator: Draft7Validator | None = None

    def is_of_kind(self, entity: EntityJson) -> bool:
        """Tells whether an entity is of this kind, be it valid or not."""
        return entity["kind"] == self.kind and entity["apiVersion"] in self.api_versions

    def check(self, entity: EntityJson) -> bool:
        """Tells whether an entity is of this kind: what `validate_entity_kind` of a processor has to return.

        Args:
            entity: an entity whose envelope is valid.

        Raises:
            SchemaViolationError: it is, but not a valid one.
        """
        if not self.is_of_kind(entity):
            return False
        if self._validator is None:
            from jsonschema_rs import Draft7Validator

            self._validator = Draft7Validator(self._schema)
        check_schema(self._validator, entity)
        return True

"""Knows what the catalog model says: the members of its kinds and their relations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from understage.catalog_api import (
    DEFAULT_NAMESPACE,
    CatalogProcessor,
    Emit,
    EntityJson,
    EntityRef,
    LocationRef,
    ProcessorCache,
    parse_entity_ref,
)
from understage.catalog_api.model import CatalogModel, ModelKind, RelationField
from understage.catalog_api.schema_errors import check_schema

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator


class ModelProcessor(CatalogProcessor):
    """Validates entities of the kinds of the model and emits their relations.

    Args:
        model: the model.
    """

    def __init__(self, model: CatalogModel) -> None:
        self._model = model
        self._validators: dict[tuple[str, str, str | None], Draft7Validator] = {}

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "ModelProcessor"

    def depends_only_on(self, entity: EntityJson) -> bool:
        """Tells that nobody else is asked."""
        return True

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Sorts the lists of references, so that their order in the source changes nothing."""
        kind = self._model.kind_of(entity)
        for field in kind.relation_fields if kind is not None else ():
            value = _value(entity, field)
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                value.sort()
        return entity

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        """Tells whether the model knows the kind.

        Raises:
            SchemaViolationError: it does, but the entity is no valid one of it.
        """
        kind = self._model.kind_of(entity)
        if kind is None:
            return False
        check_schema(self._validator(kind), entity)
        return True

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Emits the relations, and the inverse of those that the model declares for both kinds."""
        kind = self._model.kind_of(entity)
        if kind is None:
            return entity
        metadata = entity["metadata"]
        own = EntityRef(entity["kind"], metadata.get("namespace", DEFAULT_NAMESPACE), metadata["name"])
        for field in kind.relation_fields:
            relation = self._model.relations.get(field.relation)
            for other in _references(entity, field, own.namespace):
                emit.relation(own, field.relation, other)
                if relation is not None and relation.leads(own.kind, other.kind):
                    emit.relation(other, relation.reverse_type, own)
        return entity

    def _validator(self, kind: ModelKind) -> Draft7Validator:
        key = kind.names.kind, kind.api_version, kind.spec_type
        if key not in self._validators:
            from jsonschema_rs import Draft7Validator

            self._validators[key] = Draft7Validator(kind.schema)
        return self._validators[key]


def _value(entity: EntityJson, field: RelationField) -> Any:
    value: Any = entity
    for name in field.path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _references(entity: EntityJson, field: RelationField, own_namespace: str) -> Iterator[EntityRef]:
    """Yields what a member names, as far as the model allows these kinds."""
    value = _value(entity, field)
    namespace = own_namespace if field.default_namespace == "inherit" else DEFAULT_NAMESPACE
    allowed = frozenset(map(str.lower, field.allowed_kinds))
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and text:
            other = parse_entity_ref(text, default_kind=field.default_kind, default_namespace=namespace)
            if not allowed or other.kind.lower() in allowed:
                yield other

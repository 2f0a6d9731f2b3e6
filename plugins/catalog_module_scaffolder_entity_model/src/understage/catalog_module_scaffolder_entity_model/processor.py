"""Knows templates: their members and who owns them."""

from __future__ import annotations

from understage.catalog_api import (
    CatalogProcessor,
    Emit,
    EntityJson,
    EntityRef,
    KindSchema,
    LocationRef,
    ProcessorCache,
    parse_entity_ref,
    relations,
)
from understage.catalog_module_scaffolder_entity_model.template_schema import TEMPLATE_SCHEMA

TEMPLATE = KindSchema("Template", ["scaffolder.backstage.io/v1beta3"], TEMPLATE_SCHEMA)


class ScaffolderEntitiesProcessor(CatalogProcessor):
    """Validates entities of the kind Template and emits the relations to their owners."""

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "ScaffolderEntitiesProcessor"

    def depends_only_on(self, entity: EntityJson) -> bool:
        """Tells that nobody else is asked."""
        return True

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        """Tells whether an entity is a template.

        Raises:
            SchemaViolationError: it is, but no valid one.
        """
        return TEMPLATE.check(entity)

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Emits who owns a template."""
        owner = entity["spec"].get("owner") if TEMPLATE.is_of_kind(entity) else None
        if owner:
            own = EntityRef(entity["kind"], entity["metadata"]["namespace"], entity["metadata"]["name"])
            other = parse_entity_ref(owner, default_kind="Group", default_namespace=own.namespace)
            emit.relation(own, relations.OWNED_BY, other)
            emit.relation(other, relations.OWNER_OF, own)
        return entity

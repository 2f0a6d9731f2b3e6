"""Knows the built-in kinds: their members and their relations."""

from understage.catalog.model.kind_relations import kind_relations, sort_reference_lists
from understage.catalog.model.schemas import is_built_in_kind, kind_validator
from understage.catalog_api import CatalogProcessor, Emit, EntityJson, LocationRef, ProcessorCache
from understage.catalog_api.schema_errors import check_schema


class BuiltinKindsProcessor(CatalogProcessor):
    """Validates entities of the built-in kinds and emits their relations."""

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "BuiltinKindsEntityProcessor"

    def depends_only_on(self, entity: EntityJson) -> bool:
        """Tells that nobody else is asked."""
        return True

    async def validate_entity_kind(self, entity: EntityJson) -> bool:
        """Tells whether the kind is a built-in one.

        Raises:
            SchemaViolationError: it is, but the entity is no valid one of it.
        """
        if not is_built_in_kind(entity):
            return False
        check_schema(kind_validator(entity["kind"]), entity)
        return True

    async def post_process_entity(
        self, entity: EntityJson, *, location: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Emits the relations and sorts the lists that they come from."""
        if is_built_in_kind(entity):
            sort_reference_lists(entity)
            for source, kind, target in kind_relations(entity):
                emit.relation(source, kind, target)
        return entity

"""Notes on entities where they came from."""

from understage.catalog_api import CatalogProcessor, Emit, EntityJson, LocationRef, ProcessorCache, annotations


class AnnotateLocationProcessor(CatalogProcessor):
    """Adds the annotations of location and origin, unless the entity brings its own."""

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "AnnotateLocationEntityProcessor"

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Adds the annotations."""
        metadata = entity["metadata"]
        own = metadata.get("annotations")
        if own is not None and not isinstance(own, dict):
            return entity  # refused by the schema, which comes next
        found = {annotations.MANAGED_BY_LOCATION: str(location), annotations.MANAGED_BY_ORIGIN_LOCATION: str(origin)}
        return {**entity, "metadata": {**metadata, "annotations": {**found, **(own or {})}}}

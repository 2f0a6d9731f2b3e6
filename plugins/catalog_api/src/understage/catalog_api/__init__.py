"""What others may import of the catalog: the entity model, its extension points and its client."""

from understage.catalog_api import annotations, relations
from understage.catalog_api.client import (
    FILTER_EXISTS,
    CatalogClient,
    EntitiesPage,
    EntityFacet,
    EntityFilter,
    FilterExists,
    PageInfo,
)
from understage.catalog_api.entity import (
    Entity,
    EntityJson,
    EntityLink,
    EntityMetadata,
    EntityRelation,
    EntityStatus,
    EntityStatusItem,
    to_entity,
)
from understage.catalog_api.extension_points import (
    CatalogProcessing,
    CatalogProcessingExtensionPoint,
    catalog_processing_extension_point,
)
from understage.catalog_api.processing import CatalogProcessor, Emit, EntityDataParser, ProcessorCache
from understage.catalog_api.providers import (
    DeferredEntity,
    DeltaMutation,
    EntityProvider,
    EntityProviderConnection,
    FullMutation,
)
from understage.catalog_api.refs import (
    DEFAULT_NAMESPACE,
    EntityRef,
    EntityRefError,
    LocationRef,
    LocationRefError,
    is_script_url,
    parse_entity_ref,
    parse_location_ref,
    stringify_entity_ref,
)

__all__ = [
    "DEFAULT_NAMESPACE",
    "FILTER_EXISTS",
    "CatalogClient",
    "CatalogProcessing",
    "CatalogProcessingExtensionPoint",
    "CatalogProcessor",
    "DeferredEntity",
    "DeltaMutation",
    "Emit",
    "EntitiesPage",
    "Entity",
    "EntityDataParser",
    "EntityFacet",
    "EntityFilter",
    "EntityJson",
    "EntityLink",
    "EntityMetadata",
    "EntityProvider",
    "EntityProviderConnection",
    "EntityRef",
    "EntityRefError",
    "EntityRelation",
    "EntityStatus",
    "EntityStatusItem",
    "FilterExists",
    "FullMutation",
    "LocationRef",
    "LocationRefError",
    "PageInfo",
    "ProcessorCache",
    "annotations",
    "catalog_processing_extension_point",
    "is_script_url",
    "parse_entity_ref",
    "parse_location_ref",
    "relations",
    "stringify_entity_ref",
    "to_entity",
]

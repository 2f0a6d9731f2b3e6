"""What the catalog asks permission for."""

from __future__ import annotations

from typing import Final

from understage.permission_api import BasicPermission, Permission, ResourcePermission, create_permission

RESOURCE_TYPE_CATALOG_ENTITY: Final = "catalog-entity"

catalog_entity_read_permission: Final[ResourcePermission] = create_permission(
    name="catalog.entity.read", action="read", resource_type=RESOURCE_TYPE_CATALOG_ENTITY
)
"""To see an entity; who lacks it is told that there is none."""

catalog_entity_create_permission: Final[BasicPermission] = create_permission(
    name="catalog.entity.create", action="create"
)
"""To bring entities into the catalog; user interfaces ask for it before they offer to."""

catalog_entity_delete_permission: Final[ResourcePermission] = create_permission(
    name="catalog.entity.delete", action="delete", resource_type=RESOURCE_TYPE_CATALOG_ENTITY
)
"""To remove an entity."""

catalog_entity_refresh_permission: Final[ResourcePermission] = create_permission(
    name="catalog.entity.refresh", action="update", resource_type=RESOURCE_TYPE_CATALOG_ENTITY
)
"""To have an entity looked at again."""

catalog_entity_validate_permission: Final[BasicPermission] = create_permission(name="catalog.entity.validate")
"""To have an entity checked that is not in the catalog."""

catalog_location_read_permission: Final[BasicPermission] = create_permission(
    name="catalog.location.read", action="read"
)
"""To see registered locations."""

catalog_location_create_permission: Final[BasicPermission] = create_permission(
    name="catalog.location.create", action="create"
)
"""To register and change locations."""

catalog_location_delete_permission: Final[BasicPermission] = create_permission(
    name="catalog.location.delete", action="delete"
)
"""To remove registered locations."""

catalog_location_analyze_permission: Final[BasicPermission] = create_permission(name="catalog.location.analyze")
"""To have a location looked into that may be registered."""

catalog_ingestion_read_permission: Final[BasicPermission] = create_permission(
    name="catalog.ingestion.read", action="read"
)
"""To see how entities come in."""

catalog_ingestion_manage_permission: Final[BasicPermission] = create_permission(
    name="catalog.ingestion.manage", action="update"
)
"""To steer how entities come in."""

unprocessed_entities_read_permission: Final[BasicPermission] = create_permission(
    name="catalog.entities.unprocessed.read", action="read"
)
"""To see entities that are not served, with what is wrong with them."""

unprocessed_entities_delete_permission: Final[BasicPermission] = create_permission(
    name="catalog.entities.unprocessed.delete", action="delete"
)
"""To remove entities that are not served."""

unprocessed_entities_permissions: Final[tuple[Permission, ...]] = (
    unprocessed_entities_read_permission,
    unprocessed_entities_delete_permission,
)
"""Those that are about entities which are not served."""

catalog_permissions: Final[tuple[Permission, ...]] = (
    catalog_entity_read_permission,
    catalog_entity_create_permission,
    catalog_entity_delete_permission,
    catalog_entity_refresh_permission,
    catalog_entity_validate_permission,
    catalog_location_read_permission,
    catalog_location_create_permission,
    catalog_location_delete_permission,
    catalog_location_analyze_permission,
    catalog_ingestion_read_permission,
    catalog_ingestion_manage_permission,
)
"""All of them."""

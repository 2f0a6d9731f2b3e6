"""Creating permissions, and telling them apart."""

from __future__ import annotations

from typing import TypeGuard, overload

from typing_extensions import TypeForm, TypeVar

from understage.plugin_api import (
    BasicPermission,
    Permission,
    PermissionAction,
    PermissionAttributes,
    PermissionResourceRef,
    ResourcePermission,
)

ResourceT = TypeVar("ResourceT")
QueryT = TypeVar("QueryT")


@overload
def create_permission(*, name: str, action: PermissionAction | None = None) -> BasicPermission: ...
@overload
def create_permission(
    *, name: str, action: PermissionAction | None = None, resource_type: str
) -> ResourcePermission: ...
def create_permission(
    *, name: str, action: PermissionAction | None = None, resource_type: str | None = None
) -> Permission:
    """Creates a permission.

    Args:
        name: such as `catalog.entity.read`; unique in the whole system.
        action: what is done to the thing, if it is one of the four usual ones; policies may tell permissions by it.
        resource_type: what kind of resource it is about, such as `catalog-entity`; None if it is about none.
    """
    attributes = PermissionAttributes(action)
    if resource_type is None:
        return BasicPermission(name, attributes)
    return ResourcePermission(name, resource_type, attributes)


def create_permission_resource_ref(
    resource: TypeForm[ResourceT], query: TypeForm[QueryT], *, plugin_id: str, resource_type: str
) -> PermissionResourceRef[ResourceT, QueryT]:
    """Creates the reference by which rules and permissions name a kind of resource.

    Args:
        resource: the type of such resources, for type checkers.
        query: the type of queries for them, for type checkers.
        plugin_id: the plugin that owns them.
        resource_type: the kind, such as `catalog-entity`.
    """
    return PermissionResourceRef(plugin_id, resource_type)


def is_permission(permission: Permission, other: Permission) -> bool:
    """Tells whether a permission is a certain one: permissions are the same if their names are."""
    return permission.name == other.name


def is_resource_permission(permission: Permission, resource_type: str | None = None) -> TypeGuard[ResourcePermission]:
    """Tells whether a permission is about resources.

    Args:
        permission: the permission.
        resource_type: if given, about resources of this kind.
    """
    return isinstance(permission, ResourcePermission) and resource_type in (None, permission.resource_type)

"""Creating rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from typing_extensions import TypeVar

from understage.plugin_api import JsonSchema, PermissionResourceRef, PermissionRule, SchemaSource

ResourceT = TypeVar("ResourceT")
QueryT = TypeVar("QueryT")
ParamsT = TypeVar("ParamsT")


@overload
def create_permission_rule(
    *,
    name: str,
    description: str,
    resource_ref: PermissionResourceRef[ResourceT, QueryT],
    params: type[ParamsT],
    apply: Callable[[ResourceT, ParamsT], bool],
    to_query: Callable[[ParamsT], QueryT],
) -> PermissionRule[ResourceT, QueryT]: ...
@overload
def create_permission_rule(
    *,
    name: str,
    description: str,
    resource_ref: PermissionResourceRef[ResourceT, QueryT],
    params: JsonSchema | None = None,
    apply: Callable[[ResourceT, Any], bool],
    to_query: Callable[[Any], QueryT],
) -> PermissionRule[ResourceT, QueryT]: ...
def create_permission_rule(
    *,
    name: str,
    description: str,
    resource_ref: PermissionResourceRef[ResourceT, QueryT],
    params: SchemaSource | None = None,
    apply: Callable[[ResourceT, Any], bool],
    to_query: Callable[[Any], QueryT],
) -> PermissionRule[ResourceT, QueryT]:
    """Creates a rule: a named test that conditions put to resources of one kind.

    Args:
        name: such as `IS_OWNER`; unique for its kind of resource.
        description: for those who write policies.
        resource_ref: the kind of resource.
        params: the schema of its parameters: a msgspec or pydantic model, a dataclass, or a JSON Schema; None if it
            has none.
        apply: tells whether a resource fulfils the rule with these parameters.
        to_query: returns the query that finds the resources which do.

    Raises:
        TypeError: the schema cannot be understood.
    """
    return PermissionRule(
        name=name, description=description, resource_ref=resource_ref, params=params, apply=apply, to_query=to_query
    )

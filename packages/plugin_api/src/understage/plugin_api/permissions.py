"""Permissions: what may be asked, what is answered, and the rules that conditions name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeAlias

import msgspec
from typing_extensions import TypeVar

from understage.errors import InputError
from understage.plugin_api.data_schema import DataSchema, SchemaSource, data_schema
from understage.plugin_api.permission_criteria import Condition, PermissionCriteria

PermissionAction: TypeAlias = Literal["create", "read", "update", "delete"]

ResourceT = TypeVar("ResourceT", default=Any)
QueryT = TypeVar("QueryT", default=Any)


class PermissionAttributes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What policies may tell permissions by, other than their names.

    Attributes:
        action: what is done to the thing, if it is one of the four usual ones.
    """

    action: PermissionAction | None = None


class BasicPermission(msgspec.Struct, frozen=True, tag_field="type", tag="basic"):
    """Permission to do something that is about no resource in particular.

    Attributes:
        name: such as `catalog.entity.create`; unique in the whole system.
        attributes: what policies may tell it by.
    """

    name: str
    attributes: PermissionAttributes = PermissionAttributes()


class ResourcePermission(msgspec.Struct, frozen=True, tag_field="type", tag="resource", rename="camel"):
    """Permission to do something with one resource.

    Attributes:
        name: such as `catalog.entity.read`; unique in the whole system.
        attributes: what policies may tell it by.
        resource_type: what kind of resource, such as `catalog-entity`.
    """

    name: str
    resource_type: str
    attributes: PermissionAttributes = PermissionAttributes()


Permission: TypeAlias = BasicPermission | ResourcePermission


class PermissionRequest(msgspec.Struct, frozen=True):
    """A question: may somebody use this permission?

    Attributes:
        permission: the permission.
        resource_ref: which resource it is about; None for basic permissions, and to ask for conditions.

    Raises:
        InputError: a basic permission comes with a resource.
    """

    permission: Permission
    resource_ref: str | None = None

    def __post_init__(self) -> None:
        """Refuses a resource where there can be none."""
        if self.resource_ref is not None and isinstance(self.permission, BasicPermission):
            raise InputError(
                f"permission '{self.permission.name}' is about no resource, but '{self.resource_ref}' was given"
            )


class DefinitiveDecision(msgspec.Struct, frozen=True):
    """Yes or no.

    Attributes:
        result: `ALLOW` or `DENY`.
    """

    result: Literal["ALLOW", "DENY"]

    @property
    def allowed(self) -> bool:
        """Whether the answer is yes."""
        return self.result == "ALLOW"


class ConditionalDecision(msgspec.Struct, frozen=True):
    """It depends on the resource.

    Attributes:
        plugin_id: the plugin that knows the rules which the conditions name.
        resource_type: the kind of resource that they judge.
        conditions: what the resource must fulfil.
    """

    plugin_id: str
    resource_type: str
    conditions: PermissionCriteria[Condition]

    @property
    def result(self) -> Literal["CONDITIONAL"]:
        """`CONDITIONAL`."""
        return "CONDITIONAL"


PolicyDecision: TypeAlias = DefinitiveDecision | ConditionalDecision

ALLOW = DefinitiveDecision("ALLOW")
DENY = DefinitiveDecision("DENY")


class PermissionResourceRef(msgspec.Struct, Generic[ResourceT, QueryT], frozen=True):
    """Names a kind of resource that permissions are about. Its types are those of the resource and of a query for it.

    Attributes:
        plugin_id: the plugin that owns such resources.
        resource_type: the kind, such as `catalog-entity`.
    """

    plugin_id: str
    resource_type: str


class PermissionRule(Generic[ResourceT, QueryT]):
    """A named test that conditions can put to resources of one kind.

    Attributes:
        name: such as `IS_OWNER`; unique for its kind of resource.
        description: for those who write policies.
        resource_ref: the kind of resource.
        params_schema: what its parameters look like, or None if it has none.
    """

    def __init__(
        self,
        *,
        name: str,
        description: str,
        resource_ref: PermissionResourceRef[ResourceT, QueryT],
        apply: Callable[[ResourceT, Any], bool],
        to_query: Callable[[Any], QueryT],
        params: SchemaSource | None = None,
    ) -> None:
        """Describes the rule.

        Args:
            name: such as `IS_OWNER`.
            description: for those who write policies.
            resource_ref: the kind of resource.
            apply: tells whether a resource, the first argument, fulfils the rule with these parameters.
            to_query: returns the query that finds the resources which do.
            params: the schema of the parameters: a model, or a JSON Schema; without it `apply` and `to_query` get None.
        """
        self.name = name
        self.description = description
        self.resource_ref = resource_ref
        self.params_schema: DataSchema | None = None if params is None else data_schema(params)
        self._apply = apply
        self._to_query = to_query

    def __repr__(self) -> str:
        return f"PermissionRule({self.name!r} of {self.resource_ref.resource_type!r})"

    def applies(self, resource: ResourceT, params: Any) -> bool:
        """Tells whether a resource fulfils the rule.

        Args:
            resource: the resource.
            params: the parameters as JSON data.

        Raises:
            InputError: the parameters are not valid.
        """
        return self.test(params)(resource)

    def test(self, params: Any) -> Callable[[ResourceT], bool]:
        """Returns what tells whether a resource fulfils the rule; for many resources, the parameters are read once.

        Args:
            params: the parameters as JSON data.

        Raises:
            InputError: the parameters are not valid.
        """
        read = self._read(params)
        return lambda resource: self._apply(resource, read)

    def query(self, params: Any) -> QueryT:
        """Returns the query that finds the resources which fulfil the rule.

        Args:
            params: the parameters as JSON data.

        Raises:
            InputError: the parameters are not valid.
        """
        return self._to_query(self._read(params))

    def _read(self, params: Any) -> Any:
        if self.params_schema is None:
            return None
        try:
            return self.params_schema.decode({} if params is None else params)
        except InputError as error:
            raise InputError(f"Parameters to rule {self.name} are invalid", error) from error

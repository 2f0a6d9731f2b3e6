"""Rules that conditions put to entities. One definition of a rule serves queries and entities in hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType
from typing_extensions import TypeVar

from understage.catalog_api.entity import EntityJson
from understage.catalog_api.permissions import RESOURCE_TYPE_CATALOG_ENTITY
from understage.permission_api import PermissionResourceRef, PermissionRule, create_permission_rule
from understage.plugin_api import PermissionCriteria
from understage.plugin_api.permission_criteria import evaluate

ParamsT = TypeVar("ParamsT")


@dataclass(frozen=True, slots=True, init=False)
class EntitiesSearchFilter:
    """Asks whether an entity has a key, or one of some values for it. Upper and lower case are the same.

    Attributes:
        key: a dotted path such as `spec.type`, or `relations.<type>`; in lower case.
        values: texts of which one must be a value of the key, in lower case; None for any value.
    """

    key: str
    values: tuple[str, ...] | None

    def __init__(self, key: str, values: tuple[str, ...] | list[str] | None = None) -> None:
        """Describes the filter; this is the only place where its case is made one.

        Args:
            key: the dotted path.
            values: the values, or None for any.
        """
        object.__setattr__(self, "key", key.lower())
        object.__setattr__(self, "values", None if values is None else tuple(value.lower() for value in values))


EntitySearch: TypeAlias = PermissionCriteria[EntitiesSearchFilter]
"""What a rule asks: a filter, or filters combined with `all_of`, `any_of` and `not_` of `understage.permission_api`."""


@dataclass(frozen=True, slots=True)
class IndexedEntity:
    """An entity with what it can be found by.

    Attributes:
        entity: the entity as it is served.
        index: by key in lower case, the values in lower case; None for those that cannot be searched for.
    """

    entity: EntityJson
    index: Mapping[str, frozenset[str | None]]

    def has(self, search: EntitySearch) -> bool:
        """Tells whether the entity is among those that a search finds."""
        return evaluate(search, self._has)

    def _has(self, wanted: EntitiesSearchFilter) -> bool:
        values = self.index.get(wanted.key)
        if values is None:
            return False
        return wanted.values is None or not values.isdisjoint(wanted.values)


catalog_entity_permission_resource_ref: Final[PermissionResourceRef[IndexedEntity, EntitySearch]] = (
    PermissionResourceRef("catalog", RESOURCE_TYPE_CATALOG_ENTITY)
)
"""Names entities as what permissions and rules are about."""


def create_catalog_permission_rule(
    *, name: str, description: str, params: type[ParamsT], to_query: Callable[[ParamsT], EntitySearch]
) -> PermissionRule[IndexedEntity, EntitySearch]:
    """Creates a rule about entities. Whether an entity in hand fulfils it follows from the query.

    Args:
        name: such as `IS_ENTITY_OWNER`.
        description: for those who write policies.
        params: the model of its parameters.
        to_query: returns what to search for.
    """
    return create_permission_rule(
        name=name,
        description=description,
        resource_ref=catalog_entity_permission_resource_ref,
        params=params,
        apply=lambda entity, given: entity.has(to_query(given)),
        to_query=to_query,
    )


class _Annotation(Struct):
    annotation: Annotated[str, Meta(description="Name of the annotation to match on")]
    value: Annotated[str, Meta(description="Value of the annotation to match on")] | UnsetType = UNSET


class _Label(Struct):
    label: Annotated[str, Meta(description="Name of the label to match on")]
    value: Annotated[str, Meta(description="Value of the label to match on")] | UnsetType = UNSET


class _Metadata(Struct):
    key: Annotated[str, Meta(description="Property within the entities metadata to match on")]
    value: Annotated[str, Meta(description="Value of the given property to match on")] | UnsetType = UNSET


class _Spec(Struct):
    key: Annotated[str, Meta(description="Property within the entities spec to match on")]
    value: Annotated[str, Meta(description="Value of the given property to match on")] | UnsetType = UNSET


class _Kinds(Struct):
    kinds: Annotated[list[str], Meta(description="List of kinds to match at least one of")]


class _Claims(Struct):
    claims: Annotated[list[str], Meta(description="List of claims to match at least one on within ownedBy")]


def _property(path: str, value: str | UnsetType) -> EntitySearch:
    return EntitiesSearchFilter(path, None if value is UNSET else (value,))


has_annotation: Final = create_catalog_permission_rule(
    name="HAS_ANNOTATION",
    description="Allow entities with the specified annotation",
    params=_Annotation,
    to_query=lambda params: _property(f"metadata.annotations.{params.annotation}", params.value),
)
has_label: Final = create_catalog_permission_rule(
    name="HAS_LABEL",
    description="Allow entities with the specified label",
    params=_Label,
    to_query=lambda params: _property(f"metadata.labels.{params.label}", params.value),
)
has_metadata: Final = create_catalog_permission_rule(
    name="HAS_METADATA",
    description="Allow entities with the specified metadata subfield",
    params=_Metadata,
    to_query=lambda params: _property(f"metadata.{params.key}", params.value),
)
has_spec: Final = create_catalog_permission_rule(
    name="HAS_SPEC",
    description="Allow entities with the specified spec subfield",
    params=_Spec,
    to_query=lambda params: _property(f"spec.{params.key}", params.value),
)
is_entity_kind: Final = create_catalog_permission_rule(
    name="IS_ENTITY_KIND",
    description="Allow entities matching a specified kind",
    params=_Kinds,
    to_query=lambda params: EntitiesSearchFilter("kind", params.kinds),
)
is_entity_owner: Final = create_catalog_permission_rule(
    name="IS_ENTITY_OWNER",
    description="Allow entities owned by a specified claim",
    params=_Claims,
    to_query=lambda params: EntitiesSearchFilter("relations.ownedBy", params.claims),
)

catalog_permission_rules: Final[tuple[PermissionRule[IndexedEntity, EntitySearch], ...]] = (
    has_annotation,
    has_label,
    has_metadata,
    has_spec,
    is_entity_kind,
    is_entity_owner,
)
"""The rules that the catalog brings."""

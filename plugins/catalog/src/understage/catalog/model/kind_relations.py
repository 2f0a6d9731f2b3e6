"""Relations that follow from the `spec` of the built-in kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from understage.catalog_api import EntityJson, EntityRef, parse_entity_ref, relations

SORTED_FIELDS = ("providesApis", "consumesApis", "dependsOn", "dependencyOf", "memberOf", "children", "members")


Relation = tuple[EntityRef, str, EntityRef]
"""Whose relation it is, what it is, and the other entity."""


@dataclass(frozen=True, slots=True)
class RelationField:
    """A member of `spec` that names other entities.

    Attributes:
        member: its name.
        default_kind: the kind of references that name none; None if they must.
        outgoing: the relation from the entity to those that are named.
        incoming: the inverse.
    """

    member: str
    default_kind: str | None
    outgoing: str
    incoming: str


_OWNER = RelationField("owner", "Group", relations.OWNED_BY, relations.OWNER_OF)
_SYSTEM = RelationField("system", "System", relations.PART_OF, relations.HAS_PART)
_DEPENDS_ON = RelationField("dependsOn", None, relations.DEPENDS_ON, relations.DEPENDENCY_OF)
_DEPENDENCY_OF = RelationField("dependencyOf", None, relations.DEPENDENCY_OF, relations.DEPENDS_ON)

_FIELDS: dict[str, tuple[RelationField, ...]] = {
    "Component": (
        _OWNER,
        _SYSTEM,
        RelationField("subcomponentOf", "Component", relations.PART_OF, relations.HAS_PART),
        RelationField("providesApis", "API", relations.PROVIDES_API, relations.API_PROVIDED_BY),
        RelationField("consumesApis", "API", relations.CONSUMES_API, relations.API_CONSUMED_BY),
        _DEPENDS_ON,
        _DEPENDENCY_OF,
    ),
    "API": (_OWNER, _SYSTEM),
    "Resource": (_OWNER, _SYSTEM, _DEPENDS_ON, _DEPENDENCY_OF),
    "System": (_OWNER, RelationField("domain", "Domain", relations.PART_OF, relations.HAS_PART)),
    "Domain": (_OWNER, RelationField("subdomainOf", "Domain", relations.PART_OF, relations.HAS_PART)),
    "Group": (
        RelationField("parent", "Group", relations.CHILD_OF, relations.PARENT_OF),
        RelationField("children", "Group", relations.PARENT_OF, relations.CHILD_OF),
        RelationField("members", "User", relations.HAS_MEMBER, relations.MEMBER_OF),
    ),
    "User": (RelationField("memberOf", "Group", relations.MEMBER_OF, relations.HAS_MEMBER),),
}


def kind_relations(entity: EntityJson) -> Iterator[Relation]:
    """Yields the relations of an entity of a built-in kind, each followed by its inverse.

    Args:
        entity: a valid entity; references without a namespace mean its own.

    Raises:
        EntityRefError: a reference is malformed, or lacks the kind where none is implied.
    """
    fields = _FIELDS.get(entity["kind"])
    spec: dict[str, Any] = entity.get("spec") or {}
    if not fields:
        return
    metadata = entity["metadata"]
    namespace = metadata["namespace"]
    own = EntityRef(entity["kind"], namespace, metadata["name"])
    for field in fields:
        value = spec.get(field.member)
        if not value:
            continue
        for text in (value,) if isinstance(value, str) else value:
            other = parse_entity_ref(text, default_kind=field.default_kind, default_namespace=namespace)
            yield own, field.outgoing, other
            yield other, field.incoming, own


def sort_reference_lists(entity: EntityJson) -> None:
    """Sorts the members of `spec` that are lists of references, so that their order in the source changes nothing."""
    spec = entity.get("spec") or {}
    for member in SORTED_FIELDS:
        value = spec.get(member)
        if isinstance(value, list):
            spec[member] = sorted(value, key=str)

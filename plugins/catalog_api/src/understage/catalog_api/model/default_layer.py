"""The built-in kinds, relations and annotations as a layer of the catalog model."""

from understage.catalog_api import annotations, relations
from understage.catalog_api.built_in_kinds import API_VERSIONS, BUILT_IN_KINDS
from understage.catalog_api.model.definitions import (
    Kind,
    KindNames,
    KindVersion,
    MetadataField,
    RelationField,
    RelationName,
    RelationPair,
)
from understage.catalog_api.model.layers import LayerBuilder, model_layer

GROUP = "backstage.io"
VERSIONS: tuple[str, ...] = tuple(version.rpartition("/")[2] for version in API_VERSIONS)

OWNER = RelationField(
    path="spec.owner", relation=relations.OWNED_BY, default_kind="Group", allowed_kinds=("Group", "User")
)
SYSTEM = RelationField(path="spec.system", relation=relations.PART_OF, default_kind="System")


def _field(member: str, relation: str, kind: str | None = None, *, only: bool = False) -> RelationField:
    allowed = (kind,) if only and kind is not None else ()
    return RelationField(path=f"spec.{member}", relation=relation, default_kind=kind, allowed_kinds=allowed)


_DEPENDS_ON = _field("dependsOn", relations.DEPENDS_ON)
_DEPENDENCY_OF = _field("dependencyOf", relations.DEPENDENCY_OF)

_DESCRIPTIONS = {
    "Component": "A piece of software, such as a service, a website or a library.",
    "API": "An interface that a component provides.",
    "Resource": "Infrastructure that components need to run, such as a database.",
    "System": "Components and resources that together do one thing.",
    "Domain": "Systems that share a purpose of the organisation.",
    "Group": "A team, department or any other group of people.",
    "User": "A person.",
    "Location": "A place where further entities are described.",
}
_FIELDS: dict[str, tuple[RelationField, ...]] = {
    "Component": (
        OWNER,
        _field("subcomponentOf", relations.PART_OF, "Component"),
        _field("providesApis", relations.PROVIDES_API, "API"),
        _field("consumesApis", relations.CONSUMES_API, "API"),
        _DEPENDS_ON,
        _DEPENDENCY_OF,
        SYSTEM,
    ),
    "API": (OWNER, SYSTEM),
    "Resource": (OWNER, _DEPENDS_ON, _DEPENDENCY_OF, SYSTEM),
    "System": (OWNER, _field("domain", relations.PART_OF, "Domain")),
    "Domain": (OWNER, _field("subdomainOf", relations.PART_OF, "Domain")),
    "Group": (
        _field("parent", relations.CHILD_OF, "Group", only=True),
        _field("children", relations.PARENT_OF, "Group", only=True),
        _field("members", relations.HAS_MEMBER, "User", only=True),
    ),
    "User": (_field("memberOf", relations.MEMBER_OF, "Group", only=True),),
    "Location": (),
}
_PARTS = ("Component", "API", "Resource", "System", "Domain")
_PAIRS = [
    RelationPair(
        from_kinds=tuple(_FIELDS),
        to_kinds=("Group", "User"),
        description="Who is responsible for an entity.",
        forward=RelationName(relations.OWNED_BY, "owned by"),
        reverse=RelationName(relations.OWNER_OF, "owner of"),
    ),
    RelationPair(
        from_kinds=("Component",),
        to_kinds=("API",),
        description="Which interfaces a component offers.",
        forward=RelationName(relations.PROVIDES_API, "provides API"),
        reverse=RelationName(relations.API_PROVIDED_BY, "API provided by"),
    ),
    RelationPair(
        from_kinds=("Component",),
        to_kinds=("API",),
        description="Which interfaces a component calls.",
        forward=RelationName(relations.CONSUMES_API, "consumes API"),
        reverse=RelationName(relations.API_CONSUMED_BY, "API consumed by"),
    ),
    RelationPair(
        from_kinds=("Component", "Resource"),
        to_kinds=("Component", "Resource"),
        description="What an entity cannot work without.",
        forward=RelationName(relations.DEPENDS_ON, "depends on"),
        reverse=RelationName(relations.DEPENDENCY_OF, "dependency of"),
    ),
    RelationPair(
        from_kinds=("Group",),
        to_kinds=("Group",),
        description="How groups are nested.",
        forward=RelationName(relations.PARENT_OF, "parent of"),
        reverse=RelationName(relations.CHILD_OF, "child of"),
    ),
    RelationPair(
        from_kinds=("User",),
        to_kinds=("Group",),
        description="Which groups a person belongs to.",
        forward=RelationName(relations.MEMBER_OF, "member of"),
        reverse=RelationName(relations.HAS_MEMBER, "has member"),
    ),
    RelationPair(
        from_kinds=_PARTS,
        to_kinds=("Component", "System", "Domain"),
        description="What an entity is a piece of.",
        forward=RelationName(relations.PART_OF, "part of"),
        reverse=RelationName(relations.HAS_PART, "has part"),
    ),
]
_ANNOTATIONS = {
    annotations.MANAGED_BY_LOCATION: "The place where an entity was found.",
    annotations.MANAGED_BY_ORIGIN_LOCATION: "The registered place that led to an entity.",
    annotations.SOURCE_LOCATION: "Where the sources are that an entity stands for.",
    annotations.ORPHAN: "Says that nothing leads to an entity any more.",
    annotations.VIEW_URL: "Where people look at the file of an entity.",
    annotations.EDIT_URL: "Where people change the file of an entity.",
}


def _build(model: LayerBuilder) -> None:
    for kind, schema in BUILT_IN_KINDS.items():
        lower = kind.lower()
        version = KindVersion(names=VERSIONS, schema=schema, relation_fields=_FIELDS[kind])
        names = KindNames(kind=kind, singular=lower, plural=f"{lower}s")
        model.add_kind(Kind(group=GROUP, names=names, description=_DESCRIPTIONS[kind], versions=[version]))
    for pair in _PAIRS:
        model.add_relation_pair(pair)
    for name, description in _ANNOTATIONS.items():
        model.add_annotation(MetadataField(name=name, description=description))


DEFAULT_LAYER = model_layer("catalog.backstage.io/default-entity-model", _build)
"""What every catalog knows."""

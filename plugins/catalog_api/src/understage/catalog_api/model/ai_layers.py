"""Kinds around AI as layers that an installation may choose."""

from __future__ import annotations

from understage.catalog_api import relations
from understage.catalog_api.built_in_kinds import TEXT, TEXTS, Schema, spec_schema
from understage.catalog_api.model.default_layer import GROUP, OWNER, SYSTEM, VERSIONS
from understage.catalog_api.model.definitions import (
    Kind,
    KindNames,
    KindVersion,
    RelationField,
    RelationName,
    RelationPair,
)
from understage.catalog_api.model.layers import LayerBuilder, model_layer

KIND = "AiResource"
_VERSION = ("v1alpha1",)
_REQUIRED = ["type", "lifecycle", "owner"]
_COMMON: dict[str, Schema] = {"lifecycle": TEXT, "owner": TEXT, "system": TEXT}


def _version(
    spec_type: str, description: str, required: list[str], relation: tuple[str, str] | None, **members: Schema
) -> KindVersion:
    schema = spec_schema([*_REQUIRED, *required], type={"const": spec_type}, **_COMMON, **members)
    own = []
    if relation is not None:
        member, name = relation
        own.append(RelationField(path=f"spec.{member}", relation=name, default_kind=KIND, allowed_kinds=(KIND,)))
    return KindVersion(
        names=_VERSION,
        spec_types=(spec_type,),
        description=description,
        schema=schema,
        relation_fields=(OWNER, SYSTEM, *own),
    )


_SKILL = _version(
    "skill",
    "Knowledge that an assistant loads for one kind of task.",
    [],
    ("dependsOn", relations.DEPENDS_ON),
    disciplines=TEXTS,
    categories=TEXTS,
    agents=TEXTS,
    dependsOn=TEXTS,
    allowedTools=TEXT,
    license=TEXT,
    compatibility=TEXT,
)
_RULE = _version(
    "rule",
    "A rule that assistants keep, and why.",
    ["category", "rationale"],
    None,
    disciplines=TEXTS,
    category=TEXT,
    rationale=TEXT,
)
_PLUGIN = _version(
    "plugin",
    "Skills that are installed together.",
    ["skills"],
    ("skills", relations.HAS_PART),
    skills=TEXTS,
    version=TEXT,
)
_MARKETPLACE = _version(
    "marketplace",
    "A list of plugins to choose from.",
    ["plugins"],
    ("plugins", relations.HAS_PART),
    plugins=TEXTS,
    version=TEXT,
)


def _pair(types: tuple[str, str], titles: tuple[str, str], to_kinds: tuple[str, ...], description: str) -> RelationPair:
    return RelationPair(
        from_kinds=(KIND,),
        to_kinds=to_kinds,
        description=description,
        forward=RelationName(types[0], titles[0]),
        reverse=RelationName(types[1], titles[1]),
    )


def _build_ai_resource(model: LayerBuilder) -> None:
    anything = KindVersion(
        names=_VERSION, schema=spec_schema(_REQUIRED, type=TEXT, **_COMMON), relation_fields=(OWNER, SYSTEM)
    )
    model.add_kind(
        Kind(
            group=GROUP,
            names=KindNames(kind=KIND, singular="airesource", plural="airesources"),
            description="What assistants are given to work with: skills, rules, and collections of them.",
            versions=[anything, _SKILL, _RULE, _PLUGIN, _MARKETPLACE],
        )
    )
    owned = "Who is responsible for an entity."
    parts = "What an entity is a piece of."
    needs = "What an entity cannot work without."
    owners = ("Group", "User")
    model.add_relation_pair(_pair((relations.OWNED_BY, relations.OWNER_OF), ("owned by", "owner of"), owners, owned))
    part = (relations.PART_OF, relations.HAS_PART), ("part of", "has part")
    model.add_relation_pair(_pair(*part, ("System", KIND), parts))
    depends = (relations.DEPENDS_ON, relations.DEPENDENCY_OF), ("depends on", "dependency of")
    model.add_relation_pair(_pair(*depends, (KIND,), needs))


def _build_mcp_server(model: LayerBuilder) -> None:
    remote = {"type": "object", "required": ["type", "url"], "properties": {"type": TEXT, "url": TEXT}}
    model.add_kind_version(
        "API",
        KindVersion(
            names=VERSIONS,
            spec_types=("mcp-server",),
            description="A server of tools for assistants, and where it is reached.",
            schema=spec_schema(
                [*_REQUIRED, "remotes"],
                type={"const": "mcp-server"},
                **_COMMON,
                remotes={"type": "array", "minItems": 1, "items": remote},
            ),
            relation_fields=(OWNER, SYSTEM),
        ),
    )


AI_RESOURCE_LAYER = model_layer("catalog.backstage.io/kind-ai-resource", _build_ai_resource)
"""The kind `AiResource` with the types skill, rule, plugin and marketplace."""

MCP_SERVER_LAYER = model_layer("catalog.backstage.io/kind-api-mcp-server", _build_mcp_server)
"""APIs of the type `mcp-server`, which have `remotes` instead of a `definition`."""

"""The model in words, for people and assistants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understage.catalog_api.model import CatalogModel, ModelKind

_INTRODUCTION = """\
# The catalog's model

The catalog holds entities of several kinds, with relations between them. They are read from files at registered
locations, which are pairs of a type and a target, mostly `url` and an address.

Every entity has `apiVersion`, `kind` and `metadata`; most have a `spec`. An entity is named by its reference
`kind:namespace/name`, such as `component:default/web`, in lower case. In queries, members are named by dotted paths,
such as `metadata.name`. Ask for relations, such as `relations.ownedBy`, rather than for what was written in `spec`.

## Members of `metadata`

* `name`: unique among entities of its kind and namespace; letters, digits, `-`, `_` and `.`, at most 63
* `namespace`: `default` unless something else is written
* `uid`, `etag`: made by the catalog
* `title`, `description`: for people
* `labels`, `annotations`: texts by key; annotations connect the entity with other systems
* `tags`: single words in lower case
* `links`: a list of `url` with `title`, `icon` and `type`

## Kinds

Modules may add further kinds, and further members to these.
"""


def describe_model(model: CatalogModel | None = None) -> str:
    """Returns a description of kinds and relations in Markdown.

    Args:
        model: the catalog model; without one, the built-in kinds are described.
    """
    known = model or built_in_model()
    return "\n".join([_INTRODUCTION, *_kinds(known), "## Relations\n", *_relations(known)]) + "\n"


@cache
def built_in_model() -> CatalogModel:
    """Returns the model of the built-in kinds."""
    from understage.catalog_api.model import DEFAULT_LAYER, compile_model

    return compile_model([DEFAULT_LAYER])


def _kinds(model: CatalogModel) -> Iterator[str]:
    versions: dict[tuple[str, str | None], list[ModelKind]] = {}
    for kind in model.kinds.values():
        versions.setdefault((kind.names.kind, kind.spec_type), []).append(kind)
    for (name, spec_type), kinds in versions.items():
        title = f"{name} of type {spec_type}" if spec_type else name
        shown = ", ".join(f"`{kind.api_version}`" for kind in kinds)
        yield f"### {title}\n\n{kinds[0].description} `apiVersion`: {shown}.\n"
        yield from _members(kinds[0])
        yield ""


def _members(kind: ModelKind) -> Iterator[str]:
    spec = kind.schema["properties"].get("spec", {})
    members = spec.get("properties", {})
    fields = {field.path.removeprefix("spec."): field for field in kind.relation_fields}
    for member in dict.fromkeys((*members, *fields)):
        notes = [_shape(members.get(member, {"type": "array"}))]
        if member in spec.get("required", ()):
            notes.append("required")
        if member in fields:
            field = fields[member]
            target = f" of kind {field.default_kind} if none is written" if field.default_kind else ""
            notes.append(f"references to entities{target}; makes the relation `{field.relation}`")
        yield f"* `spec.{member}`: {', '.join(notes)}"


def _relations(model: CatalogModel) -> Iterator[str]:
    sources: dict[str, dict[str, None]] = {}
    for kind in model.kinds.values():
        for field in kind.relation_fields:
            member = field.path.rpartition(".")[2]
            sources.setdefault(field.relation, {})[f"`{member}` of {kind.names.kind}"] = None
    pairs: dict[tuple[str, str], dict[str, None]] = {}
    for relation in model.relations.values():
        one, other = sorted((relation.type, relation.reverse_type))
        pairs.setdefault((one, other), {}).update(sources.get(relation.type, {}))
    for (one, other), members in sorted(pairs.items()):
        origin = f", from {', '.join(members)}" if members else ""
        yield f"* `{one}` and its inverse `{other}`{origin}"


def _shape(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    match schema.get("type"):
        case "array":
            return "a list of texts" if schema.get("items", {}).get("type", "string") == "string" else "a list"
        case "object":
            members = ", ".join(f"`{name}`" for name in schema.get("properties", {}))
            return f"an object with {members}" if members else "an object"
        case "string":
            return "a text"
        case _:
            return "a value"

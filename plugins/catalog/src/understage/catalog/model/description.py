"""The model in words, for people and assistants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from understage.catalog.model.kind_relations import relation_fields
from understage.catalog.model.schemas import API_VERSIONS, built_in_kinds

_MEANINGS = {
    "Component": "A piece of software: a service, a website, a library.",
    "API": "An interface that components offer to others.",
    "Resource": "What software needs to run: a database, a bucket, a cluster.",
    "System": "Components, APIs and resources that together do something.",
    "Domain": "Systems that belong to the same field of the business.",
    "Group": "A team or another unit of people.",
    "User": "A person.",
    "Location": "A file, or several, from which further entities are read.",
}
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


@cache
def describe_model() -> str:
    """Returns a description of the built-in kinds and relations in Markdown."""
    return "\n".join([_INTRODUCTION, *_kinds(), "## Relations\n", *_relations()]) + "\n"


def _kinds() -> Iterator[str]:
    versions = ", ".join(f"`{version}`" for version in API_VERSIONS)
    for kind, schema in built_in_kinds().items():
        spec = schema["properties"]["spec"]
        names = {field.member: field for field in relation_fields(kind)}
        yield f"### {kind}\n\n{_MEANINGS.get(kind, '')} `apiVersion`: {versions}.\n"
        for member in dict.fromkeys((*spec["properties"], *names)):
            notes = [_shape(spec["properties"].get(member, {"type": "array"}))]
            if member in spec["required"]:
                notes.append("required")
            if member in names:
                field = names[member]
                target = f" of kind {field.default_kind} if none is written" if field.default_kind else ""
                notes.append(f"references to entities{target}; makes the relation `{field.outgoing}`")
            yield f"* `spec.{member}`: {', '.join(notes)}"
        yield ""


def _relations() -> Iterator[str]:
    pairs: dict[tuple[str, str], list[str]] = {}
    for kind in built_in_kinds():
        for field in relation_fields(kind):
            pair = sorted((field.outgoing, field.incoming))
            pairs.setdefault((pair[0], pair[1]), []).append(f"`{field.member}` of {kind}")
    for (one, other), sources in sorted(pairs.items()):
        yield f"* `{one}` and its inverse `{other}`, from {', '.join(sources)}"


def _shape(schema: dict[str, Any]) -> str:
    match schema["type"]:
        case "array":
            return "a list of texts"
        case "object":
            return f"an object with {', '.join(f'`{name}`' for name in schema['properties'])}"
        case _ if "enum" in schema:
            return " or ".join(f"`{value}`" for value in schema["enum"])
        case _:
            return "a text"

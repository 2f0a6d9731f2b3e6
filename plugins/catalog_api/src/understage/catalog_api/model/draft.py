"""A model while its layers are put together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from understage.catalog_api.model.definitions import JsonSchema, KindNames, MetadataField, RelationField
from understage.errors import InputError

LITERALS: frozenset[str] = frozenset(("const", "default"))


@dataclass(slots=True)
class DraftVersion:
    """A version of a kind for one `spec.type`, or for all others."""

    schema: JsonSchema
    relation_fields: tuple[RelationField, ...]
    description: str | None


@dataclass(slots=True)
class DraftKind:
    """A kind; its versions by name and `spec.type`."""

    group: str
    names: KindNames
    description: str
    versions: dict[tuple[str, str | None], DraftVersion] = field(default_factory=dict)


@dataclass(slots=True)
class DraftRelation:
    """One direction of a relation."""

    description: str
    title: str
    reverse_type: str
    pairs: dict[str, set[str]] = field(default_factory=dict)

    def lead(self, from_kind: str, to_kind: str) -> None:
        """Lets it lead from one kind to another."""
        self.pairs.setdefault(from_kind, set()).add(to_kind)


@dataclass(slots=True)
class Draft:
    """Everything that layers have said so far."""

    kinds: dict[str, DraftKind] = field(default_factory=dict)
    relations: dict[str, DraftRelation] = field(default_factory=dict)
    annotations: dict[str, MetadataField] = field(default_factory=dict)
    labels: dict[str, MetadataField] = field(default_factory=dict)
    tags: dict[str, MetadataField] = field(default_factory=dict)

    def kind(self, name: str, wanted: str) -> DraftKind:
        """Returns a kind.

        Raises:
            InputError: there is none; the text says what it was wanted for.
        """
        found = self.kinds.get(name)
        if found is None:
            raise InputError(f"cannot {wanted} the kind {name}: no layer of the catalog model declares it")
        return found

    def fields(self, what: str) -> dict[str, MetadataField]:
        """Returns the annotations, labels or tags."""
        return {"annotation": self.annotations, "label": self.labels, "tag": self.tags}[what]


def merged(base: Any, change: Any) -> Any:
    """Returns a JSON Schema with changes: objects are merged, null removes a member, all else is replaced.

    Args:
        base: the schema.
        change: what is different. Below `const` and `default` null is a value like any other.
    """
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    result = dict(base)
    for key, value in change.items():
        if key in LITERALS:
            result[key] = value
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result[key], value) if key in result else value
    return result


def renamed(names: KindNames, singular: str | None, plural: str | None) -> KindNames:
    """Returns names with those replaced that are given."""
    return replace(names, singular=singular or names.singular, plural=plural or names.plural)

"""What layers of the catalog model declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

JsonSchema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationField:
    """A member of entities that names other entities.

    Attributes:
        path: where it is, such as `spec.owner`; a text or a list of texts.
        relation: the type of relation that it gives.
        default_kind: the kind of references that name none; None if they must.
        default_namespace: the namespace of references that name none: that of the entity, or the default one.
        allowed_kinds: kinds that may be named; others give no relation. Empty for all.
    """

    path: str
    relation: str
    default_kind: str | None = None
    default_namespace: Literal["inherit", "default"] = "inherit"
    allowed_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KindNames:
    """What a kind is called.

    Attributes:
        kind: its name, such as `Component`; case counts.
        singular: for one, such as `component`.
        plural: for many, such as `components`.
    """

    kind: str
    singular: str
    plural: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindVersion:
    """What entities of a kind look like in some versions of it.

    Attributes:
        names: the versions, such as `v1alpha1`; with the kind's group they are the `apiVersion`.
        schema: a JSON Schema (draft 7) of the entity; `apiVersion`, `kind` and `metadata` need not be in it.
        spec_types: values of `spec.type` that it is for; empty for all that no other version is for.
        description: a sentence about it.
        relation_fields: members that name other entities.
    """

    names: tuple[str, ...]
    schema: JsonSchema
    spec_types: tuple[str, ...] = ()
    description: str | None = None
    relation_fields: Sequence[RelationField] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of entities.

    Attributes:
        group: the first part of its `apiVersion`, such as `backstage.io`.
        names: what it is called.
        description: a sentence about it.
        versions: what its entities look like.
    """

    group: str
    names: KindNames
    description: str
    versions: Sequence[KindVersion] = ()


@dataclass(frozen=True, slots=True)
class RelationName:
    """One direction of a relation.

    Attributes:
        type: what entities call it, such as `ownedBy`.
        title: what people call it, such as `owned by`.
    """

    type: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationPair:
    """A relation with its inverse.

    Attributes:
        from_kinds: kinds that have it.
        to_kinds: kinds that it leads to.
        description: a sentence about it.
        forward: its name.
        reverse: the name of the inverse.
    """

    from_kinds: tuple[str, ...]
    to_kinds: tuple[str, ...]
    description: str
    forward: RelationName
    reverse: RelationName


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataField:
    """An annotation, label or tag that is known.

    Attributes:
        name: its key; of a tag, the tag itself.
        description: a sentence about it.
        title: what people call it.
        schema: a JSON Schema of its value; of a tag, None.
    """

    name: str
    description: str
    title: str | None = None
    schema: JsonSchema | None = None

"""What a layer does to the model. All declarations come before all updates, and these before all removals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol

from understage.catalog_api.model.definitions import JsonSchema, Kind, KindVersion, MetadataField, RelationField
from understage.catalog_api.model.draft import Draft, DraftKind, DraftRelation, DraftVersion, merged, renamed
from understage.errors import InputError

FieldType = Literal["annotation", "label", "tag"]


class Operation(Protocol):
    """A step towards the model.

    Attributes:
        order: its place among the others, lower first.
    """

    order: ClassVar[int]

    def apply(self, draft: Draft) -> None:
        """Does it.

        Raises:
            InputError: the model cannot be like that.
        """
        ...


@dataclass(frozen=True, slots=True)
class DeclareField:
    """Declares an annotation, label or tag."""

    order: ClassVar[int] = 0
    what: FieldType
    field: MetadataField

    def apply(self, draft: Draft) -> None:
        """Adds it."""
        known = draft.fields(self.what)
        if self.field.name in known:
            raise InputError(f"the {self.what} {self.field.name} is declared more than once")
        known[self.field.name] = self.field


@dataclass(frozen=True, slots=True)
class DeclareKind:
    """Declares a kind."""

    order: ClassVar[int] = 1
    kind: Kind

    def apply(self, draft: Draft) -> None:
        """Adds it, without its versions."""
        name = self.kind.names.kind
        if name in draft.kinds:
            raise InputError(f"the kind {name} is declared more than once")
        draft.kinds[name] = DraftKind(self.kind.group, self.kind.names, self.kind.description)


@dataclass(frozen=True, slots=True)
class DeclareVersion:
    """Declares versions of a kind."""

    order: ClassVar[int] = 2
    kind: str
    version: KindVersion

    def apply(self, draft: Draft) -> None:
        """Adds them."""
        kind = draft.kind(self.kind, "add a version to")
        for name in self.version.names:
            for spec_type in self.version.spec_types or (None,):
                if (name, spec_type) in kind.versions:
                    shown = f"the type {spec_type}" if spec_type else "all types"
                    raise InputError(f"version {name} of the kind {self.kind} is declared more than once for {shown}")
                fields = tuple(self.version.relation_fields)
                version = DraftVersion(self.version.schema, fields, self.version.description)
                kind.versions[name, spec_type] = version


@dataclass(frozen=True, slots=True)
class DeclareRelation:
    """Declares that one direction of a relation leads from a kind to another."""

    order: ClassVar[int] = 3
    type: str
    title: str
    reverse_type: str
    description: str
    from_kind: str
    to_kind: str

    def apply(self, draft: Draft) -> None:
        """Adds it, or lets the one that there is lead further."""
        known = draft.relations.setdefault(self.type, DraftRelation(self.description, self.title, self.reverse_type))
        known.lead(self.from_kind, self.to_kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateField:
    """Changes an annotation, label or tag; None keeps what there is."""

    order: ClassVar[int] = 4
    what: FieldType
    name: str
    title: str | None = None
    description: str | None = None
    schema: JsonSchema | None = None

    def apply(self, draft: Draft) -> None:
        """Changes it."""
        known = draft.fields(self.what)
        field = known.get(self.name)
        if field is None:
            raise InputError(f"cannot update the {self.what} {self.name}: no layer of the catalog model declares it")
        known[self.name] = replace(
            field,
            title=field.title if self.title is None else self.title,
            description=field.description if self.description is None else self.description,
            schema=field.schema if self.schema is None else self.schema,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateKind:
    """Changes a kind; None keeps what there is."""

    order: ClassVar[int] = 5
    kind: str
    singular: str | None = None
    plural: str | None = None
    description: str | None = None

    def apply(self, draft: Draft) -> None:
        """Changes it."""
        kind = draft.kind(self.kind, "update")
        kind.names = renamed(kind.names, self.singular, self.plural)
        kind.description = kind.description if self.description is None else self.description


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateVersion:
    """Changes versions of a kind; None keeps what there is."""

    order: ClassVar[int] = 6
    kind: str
    names: tuple[str, ...]
    spec_types: tuple[str, ...] = ()
    description: str | None = None
    relation_fields: Sequence[RelationField] | None = None
    schema: JsonSchema | None = None

    def apply(self, draft: Draft) -> None:
        """Changes them."""
        kind = draft.kind(self.kind, "update a version of")
        for name in self.names:
            for spec_type in self.spec_types or (None,):
                version = kind.versions.get((name, spec_type))
                if version is None:
                    shown = f" for the type {spec_type}" if spec_type else ""
                    raise InputError(f"cannot update version {name} of the kind {self.kind}{shown}: it is not declared")
                version.description = version.description if self.description is None else self.description
                if self.relation_fields is not None:
                    version.relation_fields = tuple(self.relation_fields)
                if self.schema is not None:
                    version.schema = merged(version.schema, self.schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRelation:
    """Lets a relation lead from a kind to another, and changes its names; None keeps what there is."""

    order: ClassVar[int] = 7
    type: str
    from_kind: str
    to_kind: str
    title: str | None = None
    reverse_type: str | None = None
    description: str | None = None

    def apply(self, draft: Draft) -> None:
        """Changes it."""
        relation = draft.relations.get(self.type)
        if relation is None:
            raise InputError(f"cannot update the relation {self.type}: no layer of the catalog model declares it")
        relation.lead(self.from_kind, self.to_kind)
        relation.title = relation.title if self.title is None else self.title
        relation.reverse_type = relation.reverse_type if self.reverse_type is None else self.reverse_type
        relation.description = relation.description if self.description is None else self.description


@dataclass(frozen=True, slots=True)
class RemoveField:
    """Removes an annotation, label or tag."""

    order: ClassVar[int] = 8
    what: FieldType
    name: str

    def apply(self, draft: Draft) -> None:
        """Removes it."""
        if draft.fields(self.what).pop(self.name, None) is None:
            raise InputError(f"cannot remove the {self.what} {self.name}: no layer of the catalog model declares it")


@dataclass(frozen=True, slots=True)
class RemoveKind:
    """Removes a kind."""

    order: ClassVar[int] = 9
    kind: str

    def apply(self, draft: Draft) -> None:
        """Removes it."""
        draft.kind(self.kind, "remove")
        del draft.kinds[self.kind]

"""Layers of the catalog model: what modules add to it, change and remove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from understage.catalog_api.model.definitions import (
    JsonSchema,
    Kind,
    KindVersion,
    MetadataField,
    RelationField,
    RelationPair,
)
from understage.catalog_api.model.operations import (
    DeclareField,
    DeclareKind,
    DeclareRelation,
    DeclareVersion,
    FieldType,
    Operation,
    RemoveField,
    RemoveKind,
    UpdateField,
    UpdateKind,
    UpdateRelation,
    UpdateVersion,
)


@dataclass(frozen=True, slots=True)
class ModelLayer:
    """A layer. The same one may be added by several modules.

    Attributes:
        id: names it, such as `example.org/kind-robot`; `backstage.io` is Backstage's own.
        operations: what it does.
    """

    id: str
    operations: tuple[Operation, ...]


class LayerBuilder:
    """Collects what a layer does; see `model_layer`."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def include(self, layer: ModelLayer) -> None:
        """Does all that another layer does."""
        self.operations += layer.operations

    def add_kind(self, kind: Kind) -> None:
        """Adds a kind."""
        self.operations.append(DeclareKind(kind))
        for version in kind.versions:
            self.add_kind_version(kind.names.kind, version)

    def add_kind_version(self, kind: str, version: KindVersion) -> None:
        """Adds versions to a kind that another layer may have added."""
        self.operations.append(DeclareVersion(kind, version))

    def update_kind(
        self, kind: str, *, singular: str | None = None, plural: str | None = None, description: str | None = None
    ) -> None:
        """Changes what is said of a kind."""
        self.operations.append(UpdateKind(kind=kind, singular=singular, plural=plural, description=description))

    def update_kind_version(
        self,
        kind: str,
        *names: str,
        spec_types: tuple[str, ...] = (),
        description: str | None = None,
        relation_fields: Sequence[RelationField] | None = None,
        schema: JsonSchema | None = None,
    ) -> None:
        """Changes versions of a kind.

        Args:
            kind: the kind.
            *names: the versions.
            spec_types: for which values of `spec.type`; empty for the version for all others.
            description: replaces the description.
            relation_fields: replace all that there were.
            schema: is merged into the schema: null removes a member, lists are replaced.
        """
        self.operations.append(
            UpdateVersion(
                kind=kind,
                names=names,
                spec_types=spec_types,
                description=description,
                relation_fields=relation_fields,
                schema=schema,
            )
        )

    def remove_kind(self, kind: str) -> None:
        """Removes a kind with all its versions."""
        self.operations.append(RemoveKind(kind))

    def add_relation_pair(self, pair: RelationPair) -> None:
        """Adds a relation and its inverse, or lets those that there are lead further."""
        forward, reverse, text = pair.forward, pair.reverse, pair.description
        for one in pair.from_kinds:
            for other in pair.to_kinds:
                self.operations += [
                    DeclareRelation(forward.type, forward.title, reverse.type, text, one, other),
                    DeclareRelation(reverse.type, reverse.title, forward.type, text, other, one),
                ]

    def update_relation(
        self,
        type: str,
        *,
        from_kinds: Sequence[str],
        to_kinds: Sequence[str],
        title: str | None = None,
        reverse_type: str | None = None,
        description: str | None = None,
    ) -> None:
        """Lets one direction of a relation lead further, and changes what is said of it."""
        for one in from_kinds:
            for other in to_kinds:
                self.operations.append(
                    UpdateRelation(
                        type=type,
                        from_kind=one,
                        to_kind=other,
                        title=title,
                        reverse_type=reverse_type,
                        description=description,
                    )
                )

    def add_annotation(self, annotation: MetadataField) -> None:
        """Adds an annotation."""
        self.operations.append(DeclareField("annotation", annotation))

    def add_label(self, label: MetadataField) -> None:
        """Adds a label."""
        self.operations.append(DeclareField("label", label))

    def add_tag(self, tag: MetadataField) -> None:
        """Adds a tag."""
        self.operations.append(DeclareField("tag", tag))

    def update_field(
        self,
        what: FieldType,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        schema: JsonSchema | None = None,
    ) -> None:
        """Changes an annotation, label or tag."""
        self.operations.append(UpdateField(what=what, name=name, title=title, description=description, schema=schema))

    def remove_field(self, what: FieldType, name: str) -> None:
        """Removes an annotation, label or tag."""
        self.operations.append(RemoveField(what, name))


def model_layer(layer_id: str, build: Callable[[LayerBuilder], None]) -> ModelLayer:
    """Returns a layer.

    Args:
        layer_id: names it, such as `example.org/kind-robot`.
        build: says what it does.
    """
    builder = LayerBuilder()
    build(builder)
    return ModelLayer(layer_id, tuple(builder.operations))

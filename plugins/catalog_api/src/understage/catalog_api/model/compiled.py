"""The catalog model as a whole, made of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from understage.catalog_api.entity import EntityJson
from understage.catalog_api.model.definitions import JsonSchema, KindNames, MetadataField, RelationField
from understage.catalog_api.model.draft import Draft, merged
from understage.catalog_api.model.entity_schema import entity_schema
from understage.catalog_api.model.layers import ModelLayer
from understage.errors import InputError


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A kind in one of its versions, for one `spec.type` or for all others.

    Attributes:
        names: what it is called.
        api_version: the version, with its group.
        spec_type: the only `spec.type` that it is for, or None.
        description: a sentence about it.
        relation_fields: members that name other entities.
        schema: a JSON Schema of whole entities.
    """

    names: KindNames
    api_version: str
    spec_type: str | None
    description: str
    relation_fields: tuple[RelationField, ...]
    schema: JsonSchema


@dataclass(frozen=True, slots=True)
class ModelRelation:
    """One direction of a relation.

    Attributes:
        type: what entities call it.
        title: what people call it.
        reverse_type: the inverse.
        reverse_title: what people call the inverse.
        description: a sentence about it.
        pairs: where it leads, by the kinds that have it.
    """

    type: str
    title: str
    reverse_type: str
    reverse_title: str
    description: str
    pairs: Mapping[str, frozenset[str]]

    def leads(self, from_kind: str, to_kind: str) -> bool:
        """Tells whether it leads from a kind to another; case does not count."""
        return any(
            one.lower() == from_kind.lower() and to_kind.lower() in map(str.lower, others)
            for one, others in self.pairs.items()
        )


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """The model.

    Attributes:
        kinds: by kind, `apiVersion` and `spec.type`, which is None for all types that have none of their own.
        relations: by type.
        annotations: by name.
        labels: by name.
        tags: by name.
    """

    kinds: Mapping[tuple[str, str, str | None], ModelKind]
    relations: Mapping[str, ModelRelation]
    annotations: Mapping[str, MetadataField]
    labels: Mapping[str, MetadataField]
    tags: Mapping[str, MetadataField]

    def kind_of(self, entity: EntityJson) -> ModelKind | None:
        """Returns what the model says of an entity, or None if it does not know its kind, version and type.

        Args:
            entity: at least `kind` and `apiVersion`, maybe `spec.type`.
        """
        kind, version = entity["kind"], entity["apiVersion"]
        spec = entity.get("spec")
        spec_type = spec.get("type") if isinstance(spec, dict) else None
        if isinstance(spec_type, str) and (kind, version, spec_type) in self.kinds:
            return self.kinds[kind, version, spec_type]
        return self.kinds.get((kind, version, None))


def compile_model(layers: Iterable[ModelLayer]) -> CatalogModel:
    """Puts layers together.

    Args:
        layers: in any order; the same one may come several times.

    Raises:
        InputError: two different layers have the same id, or they contradict each other, or a schema is none.
    """
    draft = Draft()
    known: dict[str, ModelLayer] = {}
    for layer in layers:
        other = known.setdefault(layer.id, layer)
        if other != layer:
            raise InputError(f"two layers of the catalog model are called {layer.id}, and they are not the same")
    operations = [operation for layer in known.values() for operation in layer.operations]
    for operation in sorted(operations, key=lambda one: one.order):
        operation.apply(draft)
    return CatalogModel(_kinds(draft), _relations(draft), draft.annotations, draft.labels, draft.tags)


def _kinds(draft: Draft) -> dict[tuple[str, str, str | None], ModelKind]:
    kinds: dict[tuple[str, str, str | None], ModelKind] = {}
    for name, kind in draft.kinds.items():
        for (version_name, spec_type), version in kind.versions.items():
            api_version = f"{kind.group}/{version_name}"
            schema = _whole_schema(name, api_version, version.schema, draft)
            description = version.description or kind.description
            kinds[name, api_version, spec_type] = ModelKind(
                kind.names, api_version, spec_type, description, version.relation_fields, schema
            )
    return kinds


def _whole_schema(kind: str, api_version: str, schema: JsonSchema, draft: Draft) -> JsonSchema:
    from jsonschema_rs import Draft7Validator

    if schema.get("type", "object") != "object":
        raise InputError(f"the schema of {kind} in {api_version} is not one of an object")
    try:
        Draft7Validator(schema)
        required: Sequence[str] = schema.get("required", ())
        whole: JsonSchema = merged(schema, entity_schema(kind, api_version, required, draft.annotations, draft.labels))
        Draft7Validator(whole)
    except Exception as error:
        raise InputError(f"the schema of {kind} in {api_version} is no JSON Schema of draft 7", error) from error
    return whole


def _relations(draft: Draft) -> dict[str, ModelRelation]:
    relations: dict[str, ModelRelation] = {}
    for name, one in draft.relations.items():
        reverse = draft.relations.get(one.reverse_type)
        reverse_title = reverse.title if reverse is not None else one.title
        pairs = {kind: frozenset(others) for kind, others in one.pairs.items()}
        relations[name] = ModelRelation(name, one.title, one.reverse_type, reverse_title, one.description, pairs)
    return relations

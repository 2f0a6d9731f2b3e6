"""Schemas of data that crosses the wire: a msgspec or pydantic model, a dataclass, or a JSON Schema as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import msgspec

from understage.errors import InputError

JSON_SCHEMA_DIALECT = "http://json-schema.org/draft-07/schema#"

JsonSchema: TypeAlias = Mapping[str, Any]


@runtime_checkable
class DataSchema(Protocol):
    """What data looks like. Members of an object that the schema does not name are dropped, not refused."""

    @property
    def json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema, draft 7."""
        ...

    def decode(self, data: Any) -> Any:
        """Returns JSON data in the form that code works with: an instance of the model, or the data itself.

        Raises:
            InputError: the data does not follow the schema.
        """
        ...

    def encode(self, value: Any) -> Any:
        """Returns a value of code, an instance of the model or plain data, as JSON data.

        Raises:
            InputError: the value does not follow the schema.
        """
        ...


SchemaSource: TypeAlias = type[Any] | JsonSchema | DataSchema


def data_schema(source: SchemaSource) -> DataSchema:
    """Returns the schema that a source describes.

    Args:
        source: a `msgspec.Struct`, a dataclass, a typed dict or a pydantic model; a JSON Schema as a mapping; or a
            schema of one's own, which is returned as it is.

    Raises:
        TypeError: the source is nothing of the kind.
    """
    if not isinstance(source, type) and isinstance(source, DataSchema):
        return source
    if isinstance(source, Mapping):
        return _JsonSchema(source)
    if hasattr(source, "model_json_schema"):
        return _PydanticSchema(source)
    return _MsgspecSchema(source)


def empty_json_schema() -> dict[str, Any]:
    """Returns the JSON Schema of an object without members."""
    return {"type": "object", "properties": {}, "additionalProperties": False, "$schema": JSON_SCHEMA_DIALECT}


class _MsgspecSchema:
    def __init__(self, model: type[Any]) -> None:
        self._model = model
        # A type that msgspec does not know is found here, where it is declared, not at the first call.
        try:
            [schema], self._definitions = msgspec.json.schema_components([model], ref_template="#/definitions/{name}")
        except (TypeError, NotImplementedError) as error:
            raise TypeError(f"{model!r} cannot describe data: {error}") from error
        self._schema: dict[str, Any] = schema

    @property
    def json_schema(self) -> dict[str, Any]:
        return _published(self._schema, self._definitions)

    def decode(self, data: Any) -> Any:
        try:
            return msgspec.convert(data, self._model)
        except msgspec.ValidationError as error:
            raise InputError(str(error)) from error

    def encode(self, value: Any) -> Any:
        # Constructors check nothing: only a second reading tells whether the members have their types.
        return msgspec.to_builtins(self.decode(msgspec.to_builtins(value)))


class _PydanticSchema:
    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = self._model.model_json_schema(ref_template="#/definitions/{model}")
        return _published(schema, schema.pop("$defs", {}))

    def decode(self, data: Any) -> Any:
        try:
            return self._model.model_validate(data)
        except ValueError as error:  # pydantic's own error is one
            raise InputError(str(error)) from error

    def encode(self, value: Any) -> Any:
        instance = value if isinstance(value, self._model) else self.decode(value)
        # An instance can be changed, or constructed unchecked: only a second reading tells.
        return self._dump(self.decode(self._dump(instance)))

    def _dump(self, instance: Any) -> Any:
        try:
            return instance.model_dump(mode="json", by_alias=True, warnings="none")
        except ValueError as error:
            raise InputError(str(error)) from error


class _JsonSchema:
    def __init__(self, schema: JsonSchema) -> None:
        self._schema = schema

    @property
    def json_schema(self) -> dict[str, Any]:
        return {**self._schema, "$schema": self._schema.get("$schema", JSON_SCHEMA_DIALECT)}

    def decode(self, data: Any) -> Any:
        known = _without_unknown(data, self._schema)
        self._check(known)
        return known

    def encode(self, value: Any) -> Any:
        return self.decode(msgspec.to_builtins(value))

    @cached_property
    def _check(self) -> Callable[[Any], None]:
        import jsonschema_rs

        # The dialect is the one that `$schema` names, draft 7 without it.
        validator = jsonschema_rs.validator_for(self.json_schema)

        def check(data: Any) -> None:
            for violation in validator.iter_errors(data):
                place = "".join(f"/{part}" for part in violation.instance_path)
                raise InputError(f"{violation.message}{place and f' at {place}'}")

        return check


def _published(schema: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Puts the object itself at the top, as clients expect it, and what it refers to below `definitions`."""
    definitions = {name: _closed(definition) for name, definition in definitions.items()}
    reference = schema.get("$ref")
    name = reference.rpartition("/")[2] if isinstance(reference, str) else None
    top = dict(definitions[name]) if name in definitions else _closed(schema)
    top.setdefault("properties", {})
    if _is_mentioned(f"#/definitions/{name}", [top, definitions]):
        rest = definitions
    else:
        rest = {other: definition for other, definition in definitions.items() if other != name}
    return {**top, **({"definitions": rest} if rest else {}), "$schema": JSON_SCHEMA_DIALECT}


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Says of an object with named members that it has no others; the class's name is nobody's business."""
    shown = {key: value for key, value in schema.items() if key != "title"}
    if "properties" in shown:
        shown.setdefault("additionalProperties", False)
    return shown


def _is_mentioned(reference: str, schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("$ref") == reference or any(_is_mentioned(reference, part) for part in schema.values())
    parts: list[Any] = schema if isinstance(schema, list) else []
    return any(_is_mentioned(reference, part) for part in parts)


def _without_unknown(data: Any, schema: Any) -> Any:
    """Drops members that the schema neither names nor allows."""
    if not isinstance(schema, Mapping):
        return data
    if isinstance(data, dict):
        members = cast("dict[str, Any]", data)
        properties = schema.get("properties")
        known: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
        closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
        return {
            key: _without_unknown(value, known.get(key)) for key, value in members.items() if key in known or not closed
        }
    if isinstance(data, list):
        items: list[Any] = data
        return [_without_unknown(item, schema.get("items")) for item in items]
    return data

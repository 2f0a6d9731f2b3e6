"""Schemas of data, from models of several kinds and as JSON Schema."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypedDict

import jsonschema
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.errors import InputError
from understage.plugin_api import DataSchema, data_schema

DIALECT = "http://json-schema.org/draft-07/schema#"


class StructModel(msgspec.Struct):
    """A model."""

    name: Annotated[str, msgspec.Meta(description="Its name")]
    size: int | None = None


@dataclass
class DataclassModel:
    name: str
    size: int | None = None


class TypedDictModel(TypedDict):
    name: str
    size: int | None


class PydanticModel(pydantic.BaseModel):
    name: str
    size: int | None = None


PLAIN = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "size": {"type": ["integer", "null"]}},
    "required": ["name"],
    "additionalProperties": False,
}
SOURCES: list[Any] = [StructModel, DataclassModel, TypedDictModel, PydanticModel, PLAIN]


@pytest.mark.parametrize("source", SOURCES)
def test_published_schemas(source: Any) -> None:
    """Every kind of source gives a valid JSON Schema of draft 7: the object itself, closed and without a name."""
    schema = data_schema(source).json_schema
    jsonschema.Draft7Validator.check_schema(schema)
    assert (schema["type"], schema["$schema"], schema["additionalProperties"]) == ("object", DIALECT, False)
    assert set(schema["properties"]) == {"name", "size"}
    assert "title" not in schema
    assert not {"$ref", "$defs"} & set(schema)
    validator = jsonschema.Draft7Validator(schema)
    assert validator.is_valid({"name": "a", "size": 1})
    assert not validator.is_valid({"size": 1})


@pytest.mark.parametrize("source", SOURCES)
def test_data_is_checked(source: Any) -> None:
    """Data that does not follow the schema is an input error; what follows it survives the way there and back."""
    schema = data_schema(source)
    good = {"name": "a", "size": 1}
    assert schema.encode(schema.decode(good)) == good
    assert schema.encode(schema.decode({**good, "more": 1})) == good
    bad: tuple[Any, ...] = ({"name": 1, "size": 1}, {"size": 1}, [], None, "text", {"name": "a", "size": "x"})
    for data in bad:
        with pytest.raises(InputError):
            schema.decode(data)


def test_models_reach_the_code() -> None:
    """What code gets is an instance of the model, or the data itself where there is only a JSON Schema."""
    data = {"name": "a", "size": None}
    assert data_schema(StructModel).decode(data) == StructModel("a")
    assert data_schema(DataclassModel).decode(data) == DataclassModel("a")
    assert data_schema(PydanticModel).decode(data) == PydanticModel(name="a")
    assert data_schema(PLAIN).decode(data) == data


@pytest.mark.parametrize("wrong", [StructModel(name=1), DataclassModel(name=1), PydanticModel.model_construct(name=1)])  # type: ignore[arg-type]
def test_what_code_returns_is_checked(wrong: Any) -> None:
    """An instance whose members are not what the model says is an input error, although its constructor took them."""
    with pytest.raises(InputError):
        data_schema(type(wrong)).encode(wrong)


def test_code_may_return_plain_data() -> None:
    """Plain data is as good as an instance of the model."""
    for source in SOURCES:
        assert data_schema(source).encode({"name": "a", "size": 1, "more": 1}) == {"name": "a", "size": 1}
    assert data_schema(PLAIN).encode(StructModel("a", 1)) == {"name": "a", "size": 1}


class Inner(msgspec.Struct):
    value: int


class Outer(msgspec.Struct):
    one: Inner
    many: list[Inner] = []


class Tree(msgspec.Struct):
    children: "list[Tree]" = []


class PydanticTree(pydantic.BaseModel):
    children: "list[PydanticTree]" = []


def test_nested_models() -> None:
    """Models within models are kept below `definitions`, closed like the model itself."""
    schema = data_schema(Outer).json_schema
    inner = {
        "type": "object",
        "properties": {"value": {"type": "integer"}},
        "required": ["value"],
        "additionalProperties": False,
    }
    assert schema["definitions"] == {"Inner": inner}
    jsonschema.Draft7Validator(schema).validate({"one": {"value": 1}, "many": [{"value": 2}]})
    assert data_schema(Outer).decode({"one": {"value": 1, "x": 2}}) == Outer(Inner(1))


@pytest.mark.parametrize("source", [Tree, PydanticTree])
def test_models_that_hold_themselves(source: Any) -> None:
    """A model that refers to itself is published with what it refers to."""
    schema = data_schema(source).json_schema
    validator = jsonschema.Draft7Validator(schema)
    assert validator.is_valid({"children": [{"children": []}]})
    assert not validator.is_valid({"children": [{"children": 1}]})


def test_unknown_members_are_dropped_at_all_depths() -> None:
    """Where a JSON Schema allows no other members they are dropped, below others and in lists; elsewhere they stay."""
    schema = data_schema(
        {
            "type": "object",
            "properties": {
                "closed": {
                    "type": "array",
                    "items": {"type": "object", "properties": {}, "additionalProperties": False},
                },
                "open": {"type": "object"},
                "patterns": {"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": False},
            },
        }
    )
    data = {"closed": [{"a": 1}, {}], "open": {"a": 1}, "patterns": {"x1": 1}, "more": {"b": [1]}}
    assert schema.decode(data) == {**data, "closed": [{}, {}]}
    with pytest.raises(InputError, match="at /patterns"):
        schema.decode({"patterns": {"y": 1}})


def test_messages_name_the_place() -> None:
    """A message says what was expected and where."""
    with pytest.raises(InputError, match=r'1 is not of types? .*"string" at /name'):
        data_schema(PLAIN).decode({"name": 1})
    with pytest.raises(InputError, match=r"Expected `str`, got `int` - at `\$\.name`"):
        data_schema(StructModel).decode({"name": 1})
    with pytest.raises(InputError, match=r"name\n.*valid string"):
        data_schema(PydanticModel).decode({"name": 1})


def test_what_describes_no_data() -> None:
    """A type that no data can have is an error where it is declared."""
    for source in (DataSchema, type(lambda: None)):
        with pytest.raises(TypeError, match="cannot describe data"):
            data_schema(source)


def test_dialects() -> None:
    """A JSON Schema is read in the dialect that it names, draft 7 without one."""
    newer = {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}]}
    assert data_schema(newer).json_schema == newer
    with pytest.raises(InputError):
        data_schema(newer).decode([1])
    assert data_schema({"prefixItems": [{"type": "string"}]}).decode([1]) == [1]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_data(data: Any) -> None:
    """Any JSON data is either taken, and then unchanged by a second reading, or an input error."""
    for source in (StructModel, PLAIN):
        schema = data_schema(source)
        try:
            encoded = schema.encode(schema.decode(data))
        except InputError:
            continue
        assert schema.encode(schema.decode(encoded)) == encoded


def test_own_schemas_are_taken_as_they_are() -> None:
    """S101: what publishes a schema, decodes and encodes is a schema already."""

    class Upper:
        json_schema: ClassVar[dict[str, Any]] = {"type": "string"}

        def decode(self, data: Any) -> Any:
            return data.upper()

        def encode(self, value: Any) -> Any:
            return value

    own = Upper()
    assert data_schema(own) is own

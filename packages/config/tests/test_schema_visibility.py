from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import (
    ConfigSchema,
    ConfigSchemaError,
    DeepFrontend,
    DeepSecret,
    Frontend,
    Secret,
    config_from_data,
    config_schema,
)

FRONTEND = {"type": "string", "visibility": "frontend"}
SECRET = {"type": "string", "visibility": "secret"}
TEXT = {"type": "string"}


def thing(properties: Any = None, **keywords: Any) -> Any:
    return {"type": "object", "properties": properties or {}, **keywords}


def frontend(schema: Any, data: Any, wanted: Any = ("frontend",)) -> Any:
    return ConfigSchema({"s": thing({"a": schema})}).filter(config_from_data({"a": data}), wanted)


MIXED = thing({"b": FRONTEND, "c": TEXT, "d": SECRET, "e": {"type": "string", "visibility": "backend"}})
MIXED_DATA = {"b": "B", "c": "C", "d": "D", "e": "E", "undeclared": 1}


@pytest.mark.parametrize(
    ("wanted", "visible"),
    [
        (["frontend"], {"b": "B"}),
        (["secret"], {"d": "D"}),
        (["backend"], {"c": "C", "e": "E", "undeclared": 1}),
        (["frontend", "backend"], {"b": "B", "c": "C", "e": "E", "undeclared": 1}),
    ],
)
def test_values_are_filtered_by_their_visibility(wanted: Any, visible: Any) -> None:
    """C50: backend is the default, ancestors need no marking, and what no schema declares is not for browsers."""
    assert frontend(MIXED, MIXED_DATA, wanted) == {"a": visible}


def test_a_mark_applies_to_the_node_itself_and_not_to_its_children() -> None:
    """C50: a marked object is there, but its members have visibilities of their own."""
    assert frontend(thing({"b": TEXT}, visibility="frontend"), {"b": "x", "c": 1}) == {"a": {}}
    assert frontend(thing({}), {"b": "x"}) == {}


@pytest.mark.parametrize(
    ("schema", "data", "visible"),
    [
        (
            {"type": "array", "items": thing({"b": FRONTEND, "c": TEXT})},
            [{"b": 1, "c": 2}, {"c": 3}, {"b": 4}],
            [{"b": 1}, {"b": 4}],
        ),
        ({"type": "array", "items": FRONTEND}, ["x", "y"], ["x", "y"]),
        ({"type": "array", "visibility": "frontend", "items": TEXT}, ["x", None, {"b": 1}], ["x"]),
        ({"type": "array", "visibility": "frontend", "items": SECRET}, ["x"], []),
        ({"type": "array", "visibility": "frontend"}, [], []),
        ({"type": "array", "items": [FRONTEND, TEXT], "additionalItems": FRONTEND}, ["x", "y", "z"], ["x", "z"]),
    ],
)
def test_arrays_are_filtered_element_by_element(schema: Any, data: Any, visible: Any) -> None:
    """C50: elements of which nothing is visible are left out; scalars take the visibility of a marked array."""
    assert frontend(schema, data) == {"a": visible}


CONDITIONAL = {"if": thing({"t": {"const": 1}}), "then": thing({"z": FRONTEND}), "else": thing({"y": FRONTEND})}


def test_arrays_without_anything_visible_are_left_out() -> None:
    """C50: an unmarked array whose elements are all hidden is not there at all."""
    assert frontend({"type": "array", "items": TEXT}, ["x"]) == {}
    assert frontend({"type": "array", "items": FRONTEND}, []) == {}


@pytest.mark.parametrize(
    ("schema", "data", "visible"),
    [
        ({"type": "object", "additionalProperties": FRONTEND}, {"k": "x", "/l": "y"}, {"k": "x", "/l": "y"}),
        ({"type": "object", "patternProperties": {"^x": FRONTEND}}, {"x1": "x", "y": "y"}, {"x1": "x"}),
        ({"$ref": "#/definitions/T"}, {"z": "x", "y": 1}, {"z": "x"}),
        ({"$ref": "#/definitions/T", "visibility": "frontend"}, {}, {}),
        (
            {"allOf": [thing({"p": FRONTEND}), thing({"q": FRONTEND})]},
            {"p": "x", "q": "y", "r": 1},
            {"p": "x", "q": "y"},
        ),
        ({"anyOf": [FRONTEND, {"type": "number"}]}, "x", "x"),
        (
            {"oneOf": [thing({"t": {"const": 1}, "k": FRONTEND}), thing({"t": {"const": 2}, "l": FRONTEND})]},
            {"t": 2, "k": "x", "l": "y"},
            {"l": "y"},
        ),
        (CONDITIONAL, {"t": 1, "z": "q", "y": "r"}, {"z": "q"}),
        (CONDITIONAL, {"t": 2, "z": "q", "y": "r"}, {"y": "r"}),
    ],
)
def test_visibility_is_found_through_all_of_json_schema(schema: Any, data: Any, visible: Any) -> None:
    """C50: references, open objects, and those alternatives that the value fits are followed."""
    root = {**thing({"a": schema}), "definitions": {"T": thing({"z": FRONTEND})}}
    assert ConfigSchema({"s": root}).filter(config_from_data({"a": data})) == {"a": visible}


def test_falsy_values_are_visible_and_nulls_are_not() -> None:
    """C50: false, 0 and empty text are values like any other; null reads as missing."""
    schema = ConfigSchema({"s": {"additionalProperties": {"visibility": "frontend"}}})
    assert schema.filter(config_from_data({"a": False, "b": 0, "c": "", "d": None})) == {"a": False, "b": 0, "c": ""}


def test_deep_visibility_applies_to_all_descendants() -> None:
    """C50: deepVisibility covers undeclared descendants as well, and those that are marked backend."""
    data = {"b": "x", "e": "y", "c": {"z": [1, {"w": 2}]}}
    schema = thing({"b": TEXT, "e": {"visibility": "backend"}}, deepVisibility="frontend")
    assert frontend(schema, data) == {"a": data}
    assert frontend(thing({"b": TEXT}, deepVisibility="secret"), data, ["secret"]) == {"a": data}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (FRONTEND, SECRET),
        (thing(deepVisibility="frontend"), thing({"s": SECRET})),
        (thing({"s": FRONTEND}), thing(deepVisibility="secret")),
        (thing({"s": thing(deepVisibility="secret")}), thing(deepVisibility="frontend")),
        ({"type": "array", "items": thing({"s": FRONTEND})}, {"type": "array", "items": thing({"s": SECRET})}),
        (thing(additionalProperties=FRONTEND), thing({"s": SECRET})),
        ({"allOf": [{"anyOf": [thing({"s": SECRET})]}]}, thing({"s": FRONTEND})),
    ],
)
def test_both_frontend_and_secret_is_a_merge_error(one: Any, two: Any) -> None:
    """C50: two packages that declare a value frontend and secret contradict each other; the error names both."""
    schemas = {"package-one": thing({"a": one}), "package-two": thing({"a": two})}
    with pytest.raises(
        ConfigSchemaError, match=r"^a.* is declared both frontend \(by package-\w+\) and secret \(by package-\w+\)"
    ):
        ConfigSchema(schemas)
    ConfigSchema({"package-one": schemas["package-one"]})


@pytest.mark.parametrize("keyword", ["visibility", "deepVisibility"])
def test_a_visibility_that_does_not_exist_is_an_error(keyword: str) -> None:
    """C50: there are three visibilities; anything else is a mistake of the package that the error names."""
    with pytest.raises(ConfigSchemaError, match=rf"the schema of pkg gives a\.b the {keyword} 'Frontend'; write"):
        ConfigSchema({"pkg": thing({"a": thing({"b": {keyword: "Frontend"}})})})


def test_a_recursive_schema_is_checked_and_filtered() -> None:
    """C50: a schema may refer to itself."""
    tree = thing({"v": FRONTEND, "s": SECRET, "kids": {"type": "array", "items": {"$ref": "#/$defs/T"}}})
    schema = ConfigSchema({"s": {**thing({"t": {"$ref": "#/$defs/T"}}), "$defs": {"T": tree}}})
    data = {"t": {"v": "1", "s": "x", "kids": [{"v": "2", "kids": [{"v": "3", "s": "y"}]}]}}
    assert schema.filter(config_from_data(data)) == {"t": {"v": "1", "kids": [{"v": "2", "kids": [{"v": "3"}]}]}}
    assert schema.secrets(config_from_data(data)) == ["x", "y"]


def test_two_schemas_together_decide() -> None:
    """C50: what one package declares frontend is so although another says nothing, or backend."""
    schema = ConfigSchema(
        {
            "one": thing({"a": thing({"b": FRONTEND})}),
            "two": thing({"a": thing({"b": {"visibility": "backend"}, "c": SECRET})}),
        }
    )
    assert schema.filter(config_from_data({"a": {"b": "x", "c": "y"}})) == {"a": {"b": "x"}}


def test_secrets_are_listed_and_masked() -> None:
    """C50: secret values, and all below a secret object, are listed for redaction and masked for printing."""
    connection = {"visibility": "secret", "anyOf": [{"type": "string"}, {"type": "object"}]}
    schema = ConfigSchema(
        {"s": thing({"auth": thing({"token": SECRET, "pin": {"visibility": "secret"}}), "db": connection})}
    )
    config = config_from_data(
        {
            "auth": {"token": "t0k", "pin": 1234, "other": "x"},
            "db": {"user": "u", "ports": [1], "none": None, "on": True, "e": ""},
        }
    )
    assert schema.secrets(config) == ["t0k", "1234", "u", "1"]
    assert schema.mask(config) == {
        "auth": {"token": "<secret>", "pin": "<secret>", "other": "x"},
        "db": {"user": "<secret>", "ports": ["<secret>"], "on": "<secret>", "e": "<secret>"},
    }


class Inner(msgspec.Struct):
    name: str = ""


class Model(msgspec.Struct, rename="camel"):
    base_url: Frontend[str]
    api_token: Secret[str] | None = None
    theme: DeepFrontend[dict[str, str]] = {}
    vault: DeepSecret[Inner | None] = None
    plain: Annotated[int, msgspec.Meta(ge=0)] = 0


class Pydantic(pydantic.BaseModel):
    base_url: Frontend[str] = pydantic.Field(alias="baseUrl")
    api_token: Secret[str] | None = pydantic.Field(default=None, alias="apiToken")
    theme: DeepFrontend[dict[str, str]] = {}
    vault: DeepSecret[dict[str, str] | None] = None
    plain: int = 0


@pytest.mark.parametrize("model", [Model, Pydantic])
def test_visibility_is_written_in_models(model: Any) -> None:
    """C50: Frontend, Secret, DeepFrontend and DeepSecret mark fields of msgspec and pydantic models."""
    schema = ConfigSchema({"s": config_schema(model, at="my.section")})
    data = {"baseUrl": "http://x", "apiToken": "t", "theme": {"k": "v"}, "vault": {"name": "n"}, "plain": 1}
    config = config_from_data({"my": {"section": data}})
    assert schema.validate(config) == []
    assert schema.filter(config) == {"my": {"section": {"baseUrl": "http://x", "theme": {"k": "v"}}}}
    assert schema.secrets(config) == ["t", "n"]


values = st.recursive(
    st.one_of(st.text("xyz", max_size=2), st.integers(0, 9), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
schemas = st.recursive(
    st.sampled_from([{}, {"visibility": "frontend"}, {"visibility": "backend"}]),
    lambda inner: st.one_of(
        st.builds(lambda p: {"properties": p}, st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
        st.builds(
            lambda p, v: {"properties": p, "visibility": v},
            st.dictionaries(st.sampled_from("abc"), inner),
            st.sampled_from(["frontend", "backend"]),
        ),
        st.builds(lambda i: {"items": i}, inner),
        st.builds(lambda i: {"additionalProperties": i}, inner),
    ),
    max_leaves=6,
)


def count(value: Any) -> Any:
    """Counts the scalars of a value."""
    if isinstance(value, dict | list):
        return sum(map(count, value.values() if isinstance(value, dict) else value))
    return 1


@given(schemas, st.dictionaries(st.sampled_from("abc"), values, max_size=3))
def test_filtering_by_all_visibilities_keeps_everything(schema: Any, data: Any) -> None:
    """C50: every value has exactly one visibility: all of them together are the whole."""
    config = config_from_data(data)
    everything = ConfigSchema({"s": schema})
    assert everything.filter(config, ["frontend", "backend", "secret"]) == data
    parts = [everything.filter(config, [visibility]) for visibility in ("frontend", "backend", "secret")]
    assert sum(map(count, parts)) == count(data)


@given(schemas, st.dictionaries(st.sampled_from("abc"), values, max_size=3))
def test_what_is_filtered_is_a_part_of_the_configuration(schema: Any, data: Any) -> None:
    """C50: filtering invents nothing."""

    def within(part: Any, whole: Any) -> Any:
        if isinstance(part, dict):
            return all(key in whole and within(value, whole[key]) for key, value in part.items())
        if isinstance(part, list):
            return all(any(within(item, other) for other in whole if type(other) is type(item)) for item in part)
        return part == whole

    assert within(ConfigSchema({"s": schema}).filter(config_from_data(data)), data)

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import (
    ConfigSchema,
    ConfigValidationError,
    LoadOptions,
    config_from_data,
    config_schema,
    load_config,
)

NUMBER, TEXT, FLAG = {"type": "number"}, {"type": "string"}, {"type": "boolean"}


def thing(**properties: Any) -> Any:
    return {"type": "object", "properties": properties}


def check(schema: Any, data: Any) -> Any:
    return [str(problem) for problem in ConfigSchema({"pkg": schema}).validate(config_from_data(data, "f"))]


async def test_every_problem_is_listed_with_path_message_and_parameters(tmp_path: Path) -> None:
    """C53: all errors are found, in the order of the file, with place, key, message, keyword and its parameters."""
    (tmp_path / "app-config.yaml").write_text("a:\n  c: [x]\n  b: text\nl:\n  - x\n  - [y]\nmode: z\n")
    schema = ConfigSchema({
        "pkg": {
            **thing(
                a={**thing(b=NUMBER, c=TEXT), "required": ["z"]},
                l={"type": "array", "items": TEXT},
                mode={"enum": ["x", "y"]},
            ),
            "required": ["app"],
        }
    })  # fmt: skip
    config = (await load_config(LoadOptions(root_dir=tmp_path, env={}))).config
    problems = schema.validate(config)
    assert [str(problem) for problem in problems] == [
        "app: required value is missing",
        "app-config.yaml:1:1: a.z: required value is missing",
        "app-config.yaml:2:6: a.c: expected a string, got an array",
        "app-config.yaml:3:6: a.b: expected a number, got a string ('text')",
        "app-config.yaml:6:5: l[1]: expected a string, got an array",
        "app-config.yaml:7:7: mode: expected one of 'x', 'y', got a string ('z')",
    ]
    assert [(problem.keyword, problem.declared_by) for problem in problems[1:3]] == [
        ("required", "pkg"),
        ("type", "pkg"),
    ]
    assert problems[1].parameters == {"property": "z"}
    assert problems[2].parameters == {"types": ["string"]}
    with pytest.raises(ConfigValidationError) as caught:
        schema.ensure_valid(config)
    assert caught.value.problems == tuple(problems)
    assert str(caught.value).count("\n") == 6


def test_numbers_and_booleans_may_be_text_as_for_the_reader() -> None:
    """C32, C53: validation takes what the reader takes: numbers and booleans that environment variables spell."""
    schema = thing(n=NUMBER, i={"type": "integer"}, f=FLAG, e={"anyOf": [NUMBER, FLAG]}, s=TEXT, list={"items": NUMBER})
    assert check(schema, {"n": "1.5", "i": "7007", "f": "yes", "e": "5", "s": "5", "list": ["1", 2]}) == []
    assert check(schema, {"n": "x", "i": "1.5", "f": "maybe"}) == [
        "f: f: expected a boolean, got a string ('maybe')",
        "f: i: expected an integer, got a string ('1.5')",
        "f: n: expected a number, got a string ('x')",
    ]
    assert check({**thing(n={**NUMBER, "minimum": 5})}, {"n": "4"}) == [
        "f: n: the value is less than the minimum of 5, got a string ('4')"
    ]


def test_numbers_are_no_text() -> None:
    """C31, C53: a number where text is wanted is an error.

    deviation: Backstage validates it, and fails at reading.
    """
    assert check(thing(s=TEXT), {"s": 5}) == ["f: s: expected a string, got a number (5)"]


def test_null_is_valid_as_what_is_missing() -> None:
    """C5, C53: a null section or member is absent, so it is never of a wrong type, but may be required."""
    assert check(thing(a=thing(b=TEXT), c=TEXT), {"a": None, "c": None}) == []
    assert check({**thing(c=TEXT), "required": ["c"]}, {"c": None}) == ["f: c: required value is missing"]


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"anyOf": [TEXT, {"type": "object"}]}, 5, "expected a string or an object, got a number (5)"),
        ({"type": ["string", "number", "boolean"]}, [], "expected a boolean, a number or a string, got an array"),
        (
            {"oneOf": [{"minimum": 1}, {"minimum": 2}]},
            5,
            "the value is valid under more than one of the schemas listed in the 'oneOf' keyword, got a number (5)",
        ),
        (
            {"anyOf": [{**TEXT, "pattern": "^a"}, {**TEXT, "minLength": 5}]},
            "b",
            (
                'fits none of the allowed forms: the value does not match "^a" '
                "- or: the value is shorter than 5 characters, got a string ('b')"
            ),
        ),
        ({"const": 1}, 2, "1 was expected, got a number (2)"),
        ({"type": "array", "minItems": 2}, [1], "the value has less than 2 items"),
    ],
)
def test_alternatives_and_other_keywords_are_told_in_words(schema: Any, value: Any, message: Any) -> None:
    """C53: the message says what was expected and what was found."""
    assert check(thing(v=schema), {"v": value}) == [f"f: v: {message}"]


def test_the_alternative_that_was_meant_is_the_one_that_is_explained() -> None:
    """C53: if only one alternative has the value's type, its own errors are reported, at their places."""
    listen = {"anyOf": [TEXT, thing(port=NUMBER, host=TEXT)]}
    assert check(thing(listen=listen), {"listen": {"port": "x", "host": []}}) == [
        "f: listen.host: expected a string, got an array",
        "f: listen.port: expected a number, got a string ('x')",
    ]
    two = {"anyOf": [{**thing(a=TEXT), "required": ["a"]}, {**thing(b=TEXT), "required": ["b"]}]}
    assert check(thing(v=two), {"v": {"b": []}}) == [
        'f: v: fits none of the allowed forms: "a" is a required property - or: b: expected a string, got an object'
    ]


def test_secrets_are_not_quoted() -> None:
    """C53: no message shows a value that may be a secret, not even those of the JSON Schema library."""
    schema = thing(auth=thing(token={**TEXT, "pattern": "^x"}), password=NUMBER, list={"items": {"pattern": "^x"}})
    text = "\n".join(check(schema, {"auth": {"token": "hunter2"}, "password": "hunter2"}))
    assert "hunter2" not in text
    assert text.count("\n") == 1
    marked = thing(a={**NUMBER, "visibility": "secret"}, b=thing(c=NUMBER) | {"deepVisibility": "secret"}, d=NUMBER)
    assert check(marked, {"a": "hunter2", "b": {"c": "hunter2"}, "d": "x"}) == [
        "f: a: expected a number, got a string",
        "f: b.c: expected a number, got a string",
        "f: d: expected a number, got a string ('x')",
    ]


def test_unknown_keys_warn_inside_sections_that_a_schema_describes() -> None:
    """C53: an unknown key is a warning with its place and a suggestion; sections that no schema describes are free."""
    schema = thing(backend=thing(database=thing(client=TEXT), open={"type": "object"}, list={"items": thing(x=TEXT)}))
    data = {
        "backend": {"databse": {"x": 1}, "database": {"q": 1}, "open": {"any": 1}, "list": [{"y": 1}]},
        "mine": {"z": 1},
    }
    problems = ConfigSchema({"pkg": schema}).validate(config_from_data(data, "f"))
    assert [(str(problem), problem.severity) for problem in problems] == [
        ("f: backend.database.q: unknown key; known here: client", "warning"),
        ("f: backend.databse: unknown key; did you mean 'database'?", "warning"),
        ("f: backend.list[0].y: unknown key; known here: x", "warning"),
    ]
    assert ConfigSchema({"pkg": schema}).ensure_valid(config_from_data(data, "f")) == problems


def test_a_key_that_any_schema_knows_is_known() -> None:
    """C51, C53: packages extend each other's sections, even one that forbids further members."""
    one, two = {**thing(a={**thing(b=TEXT), "additionalProperties": False})}, thing(a=thing(c=TEXT))
    schema = ConfigSchema({"one": one, "two": two})
    assert schema.validate(config_from_data({"a": {"b": "x", "c": "y"}})) == []
    assert [p.severity for p in schema.validate(config_from_data({"a": {"d": 1}}))] == ["warning"]
    opened = ConfigSchema({"one": one, "two": thing(a={"additionalProperties": TEXT})})
    assert opened.validate(config_from_data({"a": {"d": "x"}})) == []


def test_deprecated_keys_warn() -> None:
    """C53: a key whose schema says so is reported as deprecated, with the reason."""
    schema = thing(old={**TEXT, "deprecated": "use new"}, list={"items": thing(x={"deprecated": True})}, new=TEXT)
    assert check(schema, {"old": "x", "list": [{"x": 1}], "new": "y"}) == [
        "f: list[0].x: is deprecated",
        "f: old: is deprecated: use new",
    ]
    assert check(schema, {"old": None}) == []


class Model(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Settings of the demo."""

    every: timedelta
    port: int = 1
    name: str | None = None


def test_models_validate_what_they_read() -> None:
    """C53, H63: the schema of a model takes every form of a duration and of its other fields."""
    schema = config_schema(Model, at="demo")
    for every in ("30s", "PT1H", {"minutes": 5}, {"minutes": "5"}):
        assert check(schema, {"demo": {"every": every, "port": "5", "name": None}}) == []
    assert check(schema, {}) == []
    assert check(schema, {"demo": {"every": 5, "port": "x", "nam": "y"}}) == [
        "f: demo.every: expected a string or an object, got a number (5)",
        "f: demo.nam: unknown key; did you mean 'name'?",
        "f: demo.port: expected an integer, got a string ('x')",
    ]


def test_all_schemas_become_one_for_editors() -> None:
    """C51: the combined JSON Schema takes what all of them take, definitions included."""
    schema = ConfigSchema(
        {
            "one": config_schema(Model, at="demo"),
            "two": {**thing(x={"$ref": "#/definitions/N"}), "definitions": {"N": NUMBER}},
        }
    )
    combined = schema.to_json_schema()
    json.dumps(combined)
    validator = jsonschema.Draft7Validator(combined)
    jsonschema.Draft7Validator.check_schema(combined)
    assert validator.is_valid({"demo": {"every": "1s"}, "x": 5})
    assert not validator.is_valid({"demo": {"every": "1s"}, "x": "5"})
    assert not validator.is_valid({"demo": {"every": 1}})


def test_the_reference_lists_every_key() -> None:
    """C51: the Markdown reference has a row for each key, with type, default, visibility, meaning and package."""
    schema = ConfigSchema({
        "one": config_schema(Model, at="demo"),
        "two": thing(tree={"$ref": "#/definitions/T"}, map={"additionalProperties": {**TEXT, "visibility": "frontend"}})
        | {"definitions": {"T": thing(kids={"items": {"$ref": "#/definitions/T"}}, m={"enum": ["a|b"]})}},
    })  # fmt: skip
    lines = schema.to_markdown().splitlines()
    assert [line for line in lines if line.startswith("## ")] == ["## demo", "## map", "## tree"]
    assert "| `demo` | object |  | backend | Settings of the demo. | one |" in lines
    assert "| `demo.port` | integer | `1` | backend |  | one |" in lines
    assert "| `map.<name>` | string |  | frontend |  | two |" in lines
    assert r'| `tree.m` | `"a\|b"` |  | backend |  | two |' in lines
    assert any(line.startswith("| `tree.kids[]` |") for line in lines)


keys = st.sampled_from("abc")
values = st.recursive(
    st.one_of(st.integers(2, 5), st.sampled_from(["x", "yy"]), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)
leaves = st.sampled_from(
    [
        {},
        TEXT,
        {"type": "integer", "minimum": 2},
        FLAG,
        {"enum": ["x", 1]},
        {"type": ["string", "array"]},
        {"minLength": 2, **TEXT},
    ]
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda p, r: {"type": "object", "properties": p, "required": r},
            st.dictionaries(keys, inner, max_size=3),
            st.lists(keys, max_size=2, unique=True),
        ),
        st.builds(lambda i: {"type": "array", "items": i}, inner),
        st.builds(lambda *o: {"anyOf": list(o)}, inner, inner),
        st.builds(lambda *o: {"allOf": list(o)}, inner, inner),
        st.builds(lambda p: {"additionalProperties": p}, inner),
    ),
    max_leaves=6,
)


@given(schemas, st.dictionaries(keys, values, max_size=3))
def test_validity_agrees_with_an_independent_validator(schema: Any, data: Any) -> None:
    """C50, C53: configuration is valid exactly when another implementation of JSON Schema draft 07 says so."""
    oracle = jsonschema.Draft7Validator(schema)
    problems = [p for p in ConfigSchema({"s": schema}).validate(config_from_data(data)) if p.severity == "error"]
    assert (not problems) == oracle.is_valid(data)

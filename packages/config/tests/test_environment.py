import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import Config, ConfigSourceError, ConfigTypeError, InvalidConfigKeyError
from understage.config.environment import read_environment
from understage.config.node import to_plain
from understage.config.state import ConfigState


def read(env: Any) -> Any:
    node = read_environment(env)
    return None if node is None else to_plain(node)


@pytest.mark.parametrize(
    ("env", "value"),
    [
        ({"APP_CONFIG_a_b": "1"}, {"a": {"b": 1}}),
        ({"APP_CONFIG_a_b": "x", "APP_CONFIG_a_c": "true"}, {"a": {"b": "x", "c": True}}),
        ({"APP_CONFIG_a-b_c": '"q"'}, {"a-b": {"c": "q"}}),
        ({"APP_CONFIG_backend_baseUrl": "http://x"}, {"backend": {"baseUrl": "http://x"}}),
        ({"APP_CONFIG_a": '{"x":1}', "APP_CONFIG_a_b": "2"}, {"a": {"x": 1, "b": 2}}),
    ],
)
def test_names_are_paths(env: Any, value: Any) -> None:
    """C10: the rest of the name is a path split at _, in the case that it is written in."""
    assert read(env) == value


@pytest.mark.parametrize("name", ["APP_CONFIG_1a", "APP_CONFIG_a__b", "APP_CONFIG_", "APP_CONFIG_a_", "APP_CONFIG_a.b"])
def test_a_name_that_is_no_path_of_keys_is_a_type_error(name: str) -> None:
    """C10: segments must match the pattern of keys; the error names the variable."""
    with pytest.raises(InvalidConfigKeyError, match=f"{name} is not a configuration key") as caught:
        read({name: "x"})
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), (" 5 ", 5), ("true", True), ('"x"', "x"), ("x", "x"), ("[1,null]", [1, None]), ("{}", {}),
        ("NaN", "NaN"), ("  ", "  "), ("${X}", "${X}"), ("{a: 1}", "{a: 1}"), ("007", "007"),
    ],
)  # fmt: skip
def test_values_are_json_or_text(text: str, value: Any) -> None:
    """C11: what parses as JSON is JSON, everything else text; nothing is substituted."""
    assert read({"APP_CONFIG_a": text}) == {"a": value}


def test_null_is_an_error_and_empty_is_ignored() -> None:
    """C11: JSON null is an error naming the key; empty variables are ignored."""
    with pytest.raises(ConfigSourceError, match=r"^env APP_CONFIG_a_b: a\.b: null cannot be set"):
        read({"APP_CONFIG_a_b": "null"})
    assert read({"APP_CONFIG_a": "", "OTHER": "1", "app_config_a": "1"}) is None
    assert read({"APP_CONFIG_a": "", "APP_CONFIG_b": "1"}) == {"b": 1}


@pytest.mark.parametrize(
    ("env", "key"),
    [
        ({"APP_CONFIG_a": "1", "APP_CONFIG_a_b": "2"}, "'a'"),
        ({"APP_CONFIG_a_b": "2", "APP_CONFIG_a": "1"}, "'a'"),
        ({"APP_CONFIG_a": "[1]", "APP_CONFIG_a_b": "1"}, "'a'"),
        ({"APP_CONFIG_a": '{"b":1}', "APP_CONFIG_a_b": "2"}, "'a.b'"),
    ],
)
def test_contradicting_variables_are_an_error(env: Any, key: str) -> None:
    """C12: nesting under a scalar, or setting a key twice, is an error that names the key and both variables."""
    with pytest.raises(
        ConfigSourceError, match=f"{key} already has a value, from env APP_CONFIG_a; unset one"
    ) as caught:
        read(env)
    assert caught.value.location is not None
    assert caught.value.location.file == "env APP_CONFIG_a_b"


def test_underscores_and_array_elements_cannot_be_addressed() -> None:
    """C13: an underscore always separates, and an index is no key."""
    assert read({"APP_CONFIG_my_key": "1"}) == {"my": {"key": 1}}
    with pytest.raises(InvalidConfigKeyError):
        read({"APP_CONFIG_list_0": "1"})


def test_values_from_the_environment_are_not_quoted_in_errors() -> None:
    """C31: an error about an environment variable names it, but does not show its value, which may be a secret."""
    node = read_environment({"APP_CONFIG_a_b": '{"c": ["hunter2"]}'})
    assert node is not None
    config = Config(ConfigState(node, ("env",)))
    with pytest.raises(ConfigTypeError) as caught:
        config.get_config_array("a.b.c")
    assert str(caught.value) == "env APP_CONFIG_a_b: a.b.c[0]: expected an object, got a string"


keys = st.lists(st.from_regex(r"[a-z][a-zA-Z0-9]{0,4}(-[a-z]{1,3})?", fullmatch=True), min_size=1, max_size=3)
values = st.one_of(st.booleans(), st.integers(), st.text(min_size=1), st.lists(st.integers(), max_size=3))


@given(keys, values)
def test_any_key_and_json_value_round_trips(path: list[str], value: Any) -> None:
    """C10, C11: a variable sets exactly the value that its JSON says at exactly the path that its name says."""
    expected = value
    for part in reversed(path):
        expected = {part: expected}
    assert read({"APP_CONFIG_" + "_".join(path): json.dumps(value)}) == expected


@given(st.dictionaries(st.sampled_from(["a", "a_b", "a_b_c", "b", "b_c"]), st.text('a1{}"', min_size=1), max_size=4))
def test_any_environment_is_read_or_refused_whatever_its_order(variables: Any) -> None:
    """C12: the outcome does not depend on the order of the variables."""

    def outcome(items: Any) -> Any:
        try:
            return read({f"APP_CONFIG_{name}": text for name, text in items})
        except ConfigSourceError as error:
            return str(error)

    assert outcome(variables.items()) == outcome(reversed(variables.items()))

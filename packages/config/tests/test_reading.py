from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import (
    ConfigError,
    ConfigTypeError,
    InvalidConfigKeyError,
    MissingConfigError,
    SourceLocation,
    config_from_data,
)
from understage.config.keys import is_segment
from understage.errors import InputError, error_status

DATA: dict[str, Any] = {
    "app": {"title": "Demo", "port": 7007, "debug": False, "tags": ["a", "b"], "empty": "", "none": None},
    "list": [{"id": 1}, {"id": 2, "deep": {"name": "x"}}],
    "mixed": ["a", 1],
    "holes": [{"id": 1}, None],
    "routes": {"/api": {"target": "t"}},
}
config = config_from_data(DATA)


def test_accessors_return_values_of_their_type() -> None:
    """C30: each accessor reads dotted keys and returns its own type."""
    assert config.get_string("app.title") == "Demo"
    assert config.get_number("app.port") == 7007
    assert config.get_boolean("app.debug") is False
    assert config.get_string_array("app.tags") == ["a", "b"]
    assert config.get_config("app").get_string("title") == "Demo"
    assert [item.get_number("id") for item in config.get_config_array("list")] == [1, 2]
    assert config.get("list") == DATA["list"]
    assert config.get_config_array("list")[1].get_config("deep").get("name") == "x"
    assert config.has("app.title")


def test_optional_accessors_return_none_for_what_is_absent() -> None:
    """C30: every accessor has an optional variant."""
    assert config.get_optional("app.x") is None
    assert config.get_optional_string("app.x") is None
    assert config.get_optional_number("app.x") is None
    assert config.get_optional_boolean("app.x") is None
    assert config.get_optional_string_array("app.x") is None
    assert config.get_optional_config("app.x") is None
    assert config.get_optional_config_array("app.x") is None
    assert config.get_optional_duration("app.x") is None
    assert not config.has("app.x.y.z")


def test_optional_accessors_return_what_is_there() -> None:
    """C30: the optional variants read like the required ones."""
    assert config.get_optional("app.port") == 7007
    assert config.get_optional_string("app.title") == "Demo"
    assert config.get_optional_number("app.port") == 7007
    assert config.get_optional_boolean("app.debug") is False
    assert config.get_optional_string_array("app.tags") == ["a", "b"]
    assert [item.get("id") for item in config.get_optional_config_array("list") or []] == [1, 2]
    section = config.get_optional_config("app")
    assert section is not None
    assert section.get("title") == "Demo"


def test_the_whole_is_read_without_a_key_or_with_an_empty_one() -> None:
    """C30: get() without a key returns everything, without null members, keeping nulls of arrays."""
    expected = {**DATA, "app": {k: v for k, v in DATA["app"].items() if v is not None}}
    assert config.get() == config.get("") == config.get_optional() == expected
    assert config.get("holes") == [{"id": 1}, None]


def test_null_reads_as_missing() -> None:
    """C5: a null value is absent for every accessor, and not among the keys."""
    assert not config.has("app.none")
    assert config.get_optional_config("app.none") is None
    assert config.get_optional_string("app.none.below") is None
    assert config.get_config("app").keys() == ["title", "port", "debug", "tags", "empty"]
    assert "none" not in config.get("app")
    with pytest.raises(
        MissingConfigError, match=r"^mock-config: app\.none: required value is null \(read: mock-config\)$"
    ):
        config.get_config("app.none")


def test_keys_lists_all_members_even_those_that_no_dotted_key_can_name() -> None:
    """C30: keys() returns the members' names in their order, also such as a proxy's routes."""
    assert config.get_config("routes").keys() == ["/api"]
    assert config.keys() == ["app", "list", "mixed", "holes", "routes"]


def test_a_section_that_vanished_has_no_keys() -> None:
    """C30: keys() of an empty configuration is empty."""
    assert config_from_data({}).keys() == []
    assert config_from_data({}).get() == {}


@pytest.mark.parametrize("key", ["a..b", "/x", "a_", "1a", "a.1", ".", "a b", "list[0].id", "ä", "a-_b", "-a", "a__b"])
def test_a_bad_key_is_a_type_error(key: str) -> None:
    """C30: a segment that is not words of letters and digits joined by - or _ is refused, also by has()."""
    for read in (config.get, config.has, config.get_optional_string, config.get_config):
        with pytest.raises(InvalidConfigKeyError, match="invalid configuration key") as caught:
            read(key)
        assert isinstance(caught.value, TypeError)


@given(st.from_regex(r"[a-zA-Z][a-zA-Z0-9]*([-_][a-zA-Z][a-zA-Z0-9]*)*", fullmatch=True))
def test_good_keys_of_any_case_are_read(key: str) -> None:
    """C30: words joined by - or _, case-insensitive, are keys."""
    assert is_segment(key)
    assert config_from_data({key: {key: 1}}).get_number(f"{key}.{key}") == 1


def test_missing_suggests_what_may_have_been_meant() -> None:
    """C31: a key that is nearly there is suggested; a null one is not."""
    with pytest.raises(MissingConfigError, match=r"app\.titel: .*; did you mean 'title'\?$"):
        config.get_string("app.titel")
    with pytest.raises(MissingConfigError, match=r"app\.none: .*\(read: mock-config\)$"):
        config.get_string("app.none")


def test_missing_names_the_full_key_and_the_sources() -> None:
    """C31: the error for a missing value names the full key, also inside a section."""
    with pytest.raises(MissingConfigError) as caught:
        config.get_config("app").get_string("base.url")
    assert str(caught.value) == "mock-config: app.base.url: required value is missing (read: mock-config)"
    assert caught.value.key == "app.base.url"
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize(
    ("read", "key", "text"),
    [
        ("get_string", "app.port", "app.port: expected a string, got a number (7007)"),
        ("get_string", "app", "app: expected a string, got an object"),
        ("get_string", "list", "list: expected a string, got an array"),
        ("get_string", "app.debug", "app.debug: expected a string, got a boolean"),
        ("get_string", "app.empty", "app.empty: expected a string, got an empty string"),
        ("get_optional_string", "app.empty", "app.empty: expected a string, got an empty string"),
        ("get_number", "app.title", "app.title: expected a number, got a string ('Demo')"),
        ("get_number", "app.debug", "app.debug: expected a number, got a boolean"),
        ("get_boolean", "app.title", "app.title: expected a boolean, got a string ('Demo')"),
        ("get_string_array", "mixed", "mixed[1]: expected a string, got a number (1)"),
        ("get_string_array", "app", "app: expected an array of strings, got an object"),
        ("get_config", "app.title", "app.title: expected an object, got a string ('Demo')"),
        ("get_config", "list", "list: expected an object, got an array"),
        ("get_config_array", "app", "app: expected an array of objects, got an object"),
        ("get_config_array", "mixed", "mixed[0]: expected an object, got a string ('a')"),
        ("get_config_array", "holes", "holes[1]: expected an object, got null"),
    ],
)
def test_a_wrong_type_names_key_source_actual_and_wanted(read: Any, key: str, text: str) -> None:
    """C31: the error names the full key, the source, the actual and the wanted type; empty text is its own type."""
    with pytest.raises(ConfigTypeError) as caught:
        getattr(config, read)(key)
    assert str(caught.value) == f"mock-config: {text}"
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("key", ["app.title.x", "app.title.x.y", "list.id", "app.port.x"])
def test_a_scalar_on_the_way_is_a_type_error_not_missing(key: str) -> None:
    """C31: a scalar or an array in the middle of a path is a type error for every accessor."""
    for read in (config.get_optional_string, config.has, config.get_optional, config.get):
        with pytest.raises(ConfigTypeError, match="expected an object, got"):
            read(key)


def test_values_that_may_be_secret_are_not_quoted() -> None:
    """C31: the actual value is shown, except under keys that sound secret, and long ones are cut."""
    secret = config_from_data({"auth": {"token": "s3cr3t", "keys": [{"value": "s3cr3t"}]}, "long": "x" * 500})
    for view, key in ((secret, "auth.token"), (secret.get_config_array("auth.keys")[0], "value")):
        with pytest.raises(ConfigTypeError, match=r"got a string$") as caught:
            view.get_number(key)
        assert "s3cr3t" not in str(caught.value)
    with pytest.raises(ConfigTypeError) as caught:
        secret.get_number("long")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("1.5", 1.5), (" 2 ", 2), ("0x10", 16), ("1e3", 1000), ("-5", -5), ("+5", 5), (".5", 0.5), (7, 7)],
)
def test_numbers_may_be_text(text: str, number: Any) -> None:
    """C32: text that spells a number is one."""
    assert config_from_data({"v": text}).get_number("v") == number


@pytest.mark.parametrize("text", ["abc", "", "1_000", "Infinity", "nan", "1e999", "0x", "1 2", True, [], {}])
def test_other_text_is_no_number(text: str) -> None:
    """C32: what spells no number is an error naming the key."""
    with pytest.raises(ConfigError, match="v: expected a number"):
        config_from_data({"v": text}).get_number("v")


@pytest.mark.parametrize("text", ["true", "TRUE", "Yes", "y", "on", "1", 1, "  true", True])
def test_true_may_be_written_in_many_ways(text: str) -> None:
    """C32: true, yes, y, on and 1 are true, in any case."""
    assert config_from_data({"v": text}).get_boolean("v") is True


@pytest.mark.parametrize("text", ["false", "False", "NO", "n", "off", "0", 0, False])
def test_false_may_be_written_in_many_ways(text: str) -> None:
    """C32: false, no, n, off and 0 are false, in any case."""
    assert config_from_data({"v": text}).get_boolean("v") is False


@pytest.mark.parametrize("text", ["t", "f", "abc", "", 2, -1, []])
def test_other_values_are_no_booleans(text: str) -> None:
    """C32: anything else is an error naming the key."""
    with pytest.raises(ConfigError, match="v: expected a boolean"):
        config_from_data({"v": text}).get_boolean("v")


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_survive_being_written_as_text(number: Any) -> None:
    """C32: every finite number reads back from its decimal text."""
    assert config_from_data({"v": str(number)}).get_number("v") == number


def test_locations_are_known_for_every_value() -> None:
    """C31: location_of tells the source of a value; what dotted keys cannot name is reached by a path."""
    assert config.location_of("app.title") == SourceLocation("mock-config")
    assert config.location_of(["routes", "/api", "target"]) == SourceLocation("mock-config")
    assert config.get_config("app").location_of("title") == SourceLocation("mock-config")
    assert config.location_of(["list", 1, "id"]) == SourceLocation("mock-config")
    assert config.location_of(["list", 9]) is None
    assert config.location_of("app.none") is None
    assert config.location_of("app.title.x") is None


def test_configuration_errors_are_the_servers_fault() -> None:
    """C31: an error about configuration answers a request with 500, although it is an InputError to code."""
    with pytest.raises(InputError) as caught:
        config.get("nothing")
    assert error_status(caught.value) == 500


def test_data_that_is_no_json_is_refused() -> None:
    """C30: configuration holds JSON values only; the error names the place."""
    with pytest.raises(ConfigError, match=r"^mock-config: a\[0\]: a object cannot be a configuration value"):
        config_from_data({"a": [object()]})


def test_what_accessors_return_may_be_changed_without_harm() -> None:
    """C30: configuration is immutable; get() hands out copies."""
    config.get("app")["title"] = "changed"
    config.get("app.tags").append("c")
    assert config.get_string("app.title") == "Demo"
    assert config.get("app.tags") == ["a", "b"]

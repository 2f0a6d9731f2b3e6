import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigSourceError
from understage.config.node import child, find, to_plain
from understage.config.yaml_parser import parse_json, parse_yaml


def plain(text: str) -> Any:
    node = parse_yaml(text, "f.yaml")
    return None if node is None else to_plain(node)


def test_plain_scalars_follow_yaml_1_2() -> None:
    """C6: yes, on and dates are text, and only core-schema numbers are numbers, as in YAML 1.2."""
    text = (
        "a: yes\nb: on\nc: 2020-01-01\nd: 0o17\ne: 017\nf: 1_000\ni: TRUE\nk: 0x1F\nl: 1e3\nm: +12\nn: .5\n"
        "o: 0b11\np: 12:30:45\nq: !!str 5\nr: 1.\ns: 'true'\nt: n\nu: .inf\nv: No"
    )
    assert plain(text) == {
        "a": "yes", "b": "on", "c": "2020-01-01", "d": 15, "e": 17, "f": "1_000", "i": True, "k": 31, "l": 1000,
        "m": 12, "n": 0.5, "o": "0b11", "p": "12:30:45", "q": "5", "r": 1, "s": "true", "t": "n", "u": math.inf,
        "v": "No",
    }  # fmt: skip


def test_nulls_are_null_however_written() -> None:
    """C6: ~, null and nothing at all are null."""
    node = parse_yaml("g: ~\nh: Null\nproxy:\nl: [null, ~]", "f.yaml")
    assert node is not None
    assert [child(node, key) is not None for key in ("g", "h", "proxy", "l", "x")] == [True, True, True, True, False]
    assert to_plain(node) == {"l": [None, None]}


def test_aliases_work_and_merge_keys_do_not() -> None:
    """C6: aliases are resolved; `<<` is a key like any other in YAML 1.2."""
    assert plain("a: &x {p: 1}\nb: *x\nc:\n  <<: *x\n  q: 2") == {
        "a": {"p": 1}, "b": {"p": 1}, "c": {"<<": {"p": 1}, "q": 2}
    }  # fmt: skip


def test_keys_are_text_as_written() -> None:
    """C6: numbers and booleans as keys become text."""
    assert plain("1: a\ntrue: b\n'x y': c") == {"1": "a", "true": "b", "x y": "c"}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n", "---\n"])
def test_empty_documents_are_nothing(text: str) -> None:
    """C6: an empty YAML file contributes nothing."""
    node = parse_yaml(text, "f.yaml")
    assert node is None or node.value is None


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a: 1\nb: [\n", "f.yaml:3:1", "not valid YAML"),
        ('a: "unclosed', "f.yaml:1:13", "unexpected end of stream"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1", "expected a single document"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1", "the key 'a' is here twice in one object"),
        ("a:\n  - !!binary aGk=\n", "f.yaml:2:5", "the tag !!binary has no meaning"),
        ("a: !mine 5", "f.yaml:1:4", "the tag !mine has no meaning"),
        ("a: !!int x", "f.yaml:1:4", "not a number"),
        ("? [1, 2]\n: b", "f.yaml:1:3", "a key must be a text"),
        ("a: &x [*x]", "f.yaml:1:4", "must not contain itself"),
        ("a: {b: ${C}}", "f.yaml:1:9", r"a value with \$\{\.\.\.\} needs quotes"),
        ("a: \x00", "f.yaml", "not valid YAML"),
    ],
)
def test_errors_name_file_line_and_column(text: str, place: Any, reason: str) -> None:
    """C6: a parse failure is wrapped with the file's name, the line and the column."""
    with pytest.raises(ConfigSourceError, match=reason) as caught:
        parse_yaml(text, "f.yaml")
    assert str(caught.value).startswith(f"{place}: ")


def test_every_value_knows_its_line_and_column() -> None:
    """C31: values are located at their first character; blocks and empty values at their key."""
    node = parse_yaml("app:\n  title: Demo\n  list:\n    - x\n    - {k: v}\nproxy:\nflow: {a: 1}\n", "f.yaml")
    places: dict[Any, str] = {
        (): "1:1", ("app",): "1:1", ("app", "title"): "2:10", ("app", "list"): "3:3", ("app", "list", 0): "4:7",
        ("app", "list", 1, "k"): "5:11", ("proxy",): "6:1", ("flow",): "7:7", ("flow", "a"): "7:11",
    }  # fmt: skip
    assert node is not None
    for path, place in places.items():
        found = find(node, path)
        assert found is not None
        assert str(found.location) == f"f.yaml:{place}"


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=10,
)


@given(json_values)
def test_json_reads_as_json_does(value: Any) -> None:
    """C21: JSON files are read with the values that JSON gives them."""
    import json

    node = parse_json(json.dumps(value), "f.json")
    assert node is not None

    def without_null_members(item: Any) -> Any:
        if isinstance(item, dict):
            return {k: without_null_members(v) for k, v in item.items() if v is not None}
        return [without_null_members(v) for v in item] if isinstance(item, list) else item

    assert to_plain(node) == without_null_members(value)


def test_json_is_strict() -> None:
    """C21: a .json file must be JSON, though YAML would take more."""
    with pytest.raises(ConfigSourceError, match=r"^f\.json:2:2: not valid JSON"):
        parse_json("{\n a: 1}", "f.json")

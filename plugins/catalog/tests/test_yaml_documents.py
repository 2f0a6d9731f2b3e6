"""Entity files: YAML 1.2, document by document."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.reading import yaml_documents
from understage.catalog.reading.yaml_documents import YamlDocumentError, read_documents

json_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff\x85"),
        max_size=12,
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def values(text: str) -> list[Any]:
    documents = read_documents(text, "f.yaml")
    assert [document.error for document in documents] == [None] * len(documents)
    return [document.value for document in documents]


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "y", "2020-01-01", "1:30", "0b1", "1_000", "<<", "=", "08a"]
)
def test_words_of_older_editions_are_texts(text: str) -> None:
    """K375: what only YAML 1.1 gives a type stays a text."""
    assert values(f"a: {text}") == [{"a": text}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("True", True),
        ("FALSE", False),
        ("08", 8),
        ("-12", -12),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.", 1.0),
        (".5e-3", 0.0005),
        ("99999999999999999999", 1e20),
        (".inf", None),
        ("-.INF", None),
        (".nan", None),
        ("1e999", None),
        ("9" * 400, None),
        ("9" * 5000, None),
        ("0x" + "f" * 400, None),
        ("0" * 5000 + "7", 7.0),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("!!int '7'", 7),
        ("|\n  x\n", "x\n"),
    ],
)
def test_scalars_have_the_types_of_the_core_schema(text: str, expected: Any) -> None:
    """K375: the core schema of YAML 1.2 decides types; what JSON cannot hold becomes null."""
    (value,) = values(f"a: {text}")
    assert value == {"a": expected}
    assert type(value["a"]) is type(expected)


def test_merge_keys_are_keys() -> None:
    """K375: `<<` merges nothing."""
    assert values("base: &b {x: 1}\nc:\n  <<: *b\n") == [{"base": {"x": 1}, "c": {"<<": {"x": 1}}}]


def test_empty_documents_are_left_out() -> None:
    """K375: comments and markers alone are no entities, but they count as documents."""
    documents = read_documents("# a\n---\n---\na: 1\n---\n# b\n--- {b: 2}\n...\n---\n", "f.yaml")
    assert [(document.index, document.value) for document in documents] == [(1, {"a": 1}), (3, {"b": 2})]


def test_a_broken_document_leaves_the_others_alone() -> None:
    """K376: an error names file, line, column and document, and the documents around it are read."""
    text = "a: 1\n---\nb: [1\nc: }\n---\nd: 4\n"
    first, second, third = read_documents(text, "/srv/f.yaml")
    assert (first.value, third.value) == ({"a": 1}, {"d": 4})
    assert second.value is None
    assert str(second.error).startswith("YAML error at /srv/f.yaml:4:2 in document 1: did not find expected ',' or ']'")
    assert (third.index, third.line) == (2, 5 + 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "f.yaml:2:1 in document 0: the key 'a' is here twice in one object; remove one of them"),
        ("? [a]\n: 1", "f.yaml:1:3 in document 0: a key must be a text, not a list or an object"),
        (
            "a: !!python/object:x 1",
            "f.yaml:1:4 in document 0: the tag !!python/object:x has no meaning in an entity; remove it",
        ),
        ("a: !secret x", "f.yaml:1:4 in document 0: the tag !secret has no meaning in an entity; remove it"),
        ("a: *b", "f.yaml:1:4 in document 0: found undefined alias"),
        ("&a [*a]", "an alias that contains itself"),
        ("a: \t\n\t- b", "f.yaml:2:1 in document 0: found character that cannot start any token"),
    ],
)
def test_what_is_no_json_is_refused(text: str, problem: str) -> None:
    """K376: errors say where and what to do."""
    (document,) = read_documents(text, "f.yaml")
    assert problem in str(document.error)


def test_aliases_cannot_explode(monkeypatch: pytest.MonkeyPatch) -> None:
    """K376: values behind aliases count each time they are used, so that a small file stays small."""
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 30)]
    monkeypatch.setattr(yaml_documents, "MAX_VALUES", 1000)
    (document,) = read_documents("\n".join(lines), "f.yaml")
    assert "more than 1000 values" in str(document.error)


def test_an_enormous_file_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """K376: a file beyond the limit is refused with both sizes."""
    monkeypatch.setattr(yaml_documents, "MAX_TEXT_CHARACTERS", 10)
    with pytest.raises(YamlDocumentError, match=r"f\.yaml is too large: 11 characters, at most 10 are read"):
        read_documents("a: 23456789", "f.yaml")


def test_a_directive_keeps_its_document() -> None:
    """K375: a file with directives is read as one stream."""
    assert values("%YAML 1.2\n---\na: yes\n") == [{"a": "yes"}]


def test_a_marker_inside_a_block_is_content() -> None:
    """K375: only a marker at the start of a line divides documents."""
    assert values("a: |\n  ---\n  b\n--- \nc: '--- d'\n") == [{"a": "---\nb\n"}, {"c": "--- d"}]


def test_a_byte_order_mark_is_no_content() -> None:
    """K375: files from Windows editors read as any other."""
    assert values("\ufeffa: 1\r\n---\r\nb: 2\r\n") == [{"a": 1}, {"b": 2}]


@given(st.lists(json_value.filter(lambda value: value is not None), max_size=4))
def test_json_comes_back_as_it_was_written(written: list[Any]) -> None:
    """K375: whatever JSON holds survives being written as YAML documents and read again."""
    read = values("".join(f"--- {json.dumps(document, ensure_ascii=False)}\n" for document in written))
    assert len(read) == len(written)
    for ours, theirs in zip(read, written, strict=True):
        assert _same(ours, theirs)


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, float) and isinstance(ours, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-12)
    if isinstance(theirs, list):
        return isinstance(ours, list) and all(map(_same, ours, theirs)) and len(ours) == len(theirs)
    if isinstance(theirs, dict):
        return (
            isinstance(ours, dict) and ours.keys() == theirs.keys() and all(_same(ours[k], theirs[k]) for k in theirs)
        )
    return bool(ours == theirs)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """K376: no text makes the reader fail other than by an error of its documents."""
    for document in read_documents(text, "f.yaml"):
        assert (document.error is None) != (document.value is None)

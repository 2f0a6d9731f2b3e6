"""The short way to read plain YAML documents: it reads nothing otherwise than the parser does."""

import time
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from understage.catalog.reading import plain_yaml
from understage.catalog.reading.plain_yaml import PlainDocument, PlainReader
from understage.catalog.reading.yaml_documents import Document, read_documents, typed

ENTITY = """\
---
# The shop.
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop  # its name

  description: "Sells \\"things\\",\\nall day"
  annotations:
    example.com/url: https://example.com:8443/a#b
    $text: 'it''s'
  tags: [java, data]
  links:
  - url: https://example.com
    title: Über alles
  - title: null
    url:
      a: 1
spec:
  empty: []
  none: {}
  open:
  list:
    - a
    - -1
    -   b: 0x1F
        ui:c:
        - 1.5
"""


def plain(text: str) -> PlainDocument | None:
    return PlainReader(typed).read(text)


def by_parser(text: str) -> list[Document]:
    with patch.object(PlainReader, "read", return_value=None):
        return read_documents(text, "f.yaml")


def assert_read_alike(text: str) -> None:
    def comparable(documents: list[Document]) -> list[Any]:
        # `repr` tells 1 from True and 1.0, and the order of members.
        return [(one.index, one.line, repr(one.value), str(one.error)) for one in documents]

    assert comparable(read_documents(text, "f.yaml")) == comparable(by_parser(text))


@pytest.mark.parametrize("text", [ENTITY, ENTITY.replace("\n", "\r\n"), ENTITY.removesuffix("\n")])
def test_an_ordinary_entity_is_plain(text: str) -> None:
    """K375: comments, blank lines, lists at any column, short flow lists and quoted texts take the short way."""
    found = plain(text)
    assert found is not None
    assert found.line == 2
    assert found.value["spec"] == {
        "empty": [],
        "none": {},
        "open": None,
        "list": ["a", -1, {"b": 31, "ui:c": [1.5]}],
    }
    assert found.value["metadata"]["links"][1] == {"title": None, "url": {"a": 1}}
    assert_read_alike(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "a",
        "- a",
        "a: b\n c",
        "a: b\n  - c",
        "a: b: c",
        "a: 1\na: 2",
        "a:\n  b:\n- c",
        "a:\n    b: 1\n  c: 2",
        "a: |\n  b",
        "a: |\nb: 1\n",
        "a: |\n\n  b\n",
        "a: |\n  b\n    \nc: 1\n",
        "a: |2\n  b\n",
        "a: |+\n  b\n",
        "a: | # b\n  c\n",
        "a: |\n  b\n c\n",
        "a: b: |\n  c\n",
        "a:\n- |\n  b\n",
        "a: >-\n  b",
        "a: &b c",
        "a: *b",
        "a: !b c",
        "a: !!str 1",
        "? a\n: b",
        "'a': b",
        "<<: {}",
        'a: "b\n  c"',
        'a: "\\x41"',
        "a: 'b' c",
        "a: {b: 1}",
        "a: [[b]]",
        "a: [b,]",
        "a: @b",
        "a: `b",
        "a: %b",
        "a: - b",
        "a:\tb",
        "a: b\x85c",
        "a: b\u2028c",
        "a: b\x07",
        "a: \ufeffb",
        "a: b\rc: d",
        "%YAML 1.2\n---\na: b",
        "--- a: b",
        "a: b\n...",
        "a:\n- - b",
        "a:\n-\n  b: 1",
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(text: str) -> None:
    """K376: whatever needs the rules of YAML is not decided by the short way."""
    assert plain(text) is None


def test_blocks_of_text_are_plain() -> None:
    """K375: literal texts of many lines, as definitions of APIs are, take the short way, with whatever is in them."""
    text = (
        "spec:\n  definition: |\n    openapi: 3\n    # no comment\n\n      'deeper' - x\n    - \"y\n\n"
        "  # a comment\n  list:\n    - text: |-\n       one\n       two\n   \n\n      other: 1\n"
        "  last: |\n   a: b\n\n\n"
    )
    found = plain(text)
    assert found is not None
    assert found.value["spec"] == {
        "definition": "openapi: 3\n# no comment\n\n  'deeper' - x\n- \"y\n",
        "list": [{"text": "one\ntwo", "other": 1}],
        "last": "a: b\n",
    }
    for one in (text, text.replace("\n", "\r\n"), text.rstrip("\n") + "\n", text.rstrip("\n")):
        assert_read_alike(one)


def test_depth_is_left_to_the_parser() -> None:
    """K376: deep documents are for the parser, which counts."""
    text = "".join(f"{' ' * depth}a:\n" for depth in range(plain_yaml.MAX_PLAIN_DEPTH * 2))
    assert plain(text) is None
    assert_read_alike(text)


def test_documents_share_no_lists() -> None:
    """K375: what one document holds is not part of another, though their values are written alike."""
    first, second = read_documents("a: [b]\nc: []\nd: {}\n---\na: [b]\nc: []\nd: {}\n", "f.yaml")
    assert first.value == second.value
    assert all(first.value[key] is not second.value[key] for key in "acd")


@pytest.mark.parametrize(
    "text",
    [
        "a: " + " " * 150_000 + "| b",
        "a: b" + " " * 150_000 + "| c: d",
        "a: [b" + " " * 150_000 + "c]",
        "a: [" + "b, " * 50_000 + ";]",
        " " * 150_000 + "- : b",
        "a: '" + "''" * 75_000,
        'a: "' + "\\n" * 75_000,
        "a: " + "b#" * 75_000 + ": c",
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """K376: what is tried takes time in proportion to the text."""
    before = time.process_time()
    assert plain(text) is None
    assert time.process_time() - before < 1


SCALARS = [
    *("", "1", "-1", "+1", ".5", "-.5", "1.", "1e3", "1e999", ".inf", "-.INF", ".NaN", "0x1F", "0o17", "08", "1_000"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "null", "~", "Null", "~x", "True", "FALSE"),
    *("yes", "no", "2020-01-01", "1:30", "<<", "=", "text", "some words", "two  blanks", "it's", 'a "b"', "x,y", "x]"),
    *("a: b", "a:b", "a:", "a #b", "a#b", "# c", "null # c", "http://x.y:80/z#w", "-", "- a", "-a", "--", "..."),
    *("'x'", "'it''s'", "'", "''", "'a' # c", "'a'#c", '""', '"a"', r'"a\nb"', r'"\\"', r'"\x41"', r'"\/"', '"a', '"b'),
    *("[]", "{}", "[ ]", "{ }", "[a]", "[a, b]", "[a,b]", "[1, true, x]", "[a,]", "[a: b]", "[[a]]", "[a", "[a] b"),
    *("|", "|-", ">", "|2", "&x y", "*x", "!t x", "!!str 1", "?", "? a", ":", ":a", "%a", "@a", "`a", "(x)", "<", "/x"),
    *("é", "日本 語", "\xa0x", "x\xa0", "\u3000", "😀", "a\tb", "\ta", "a\t", "a\x85", "a\u2028b", "\x7f", "\ufeff"),
]  # fmt: skip
BLOCKS = ["|", "|", "|-", "|+", "|1", ">", "| # c"]
KEYS = ["a", "b", "c.d/e", "$text", "1", "null", "a-b", "'q'", '"q"', "a b", "é", "<<", "-a", "a:b", "a:", "[a]", "~"]
NOISE = [*SCALARS, "- ", ": ", " ", "  ", "\n", "\n  ", "\n- ", "\r\n", "\n---\n", "\n...\n", "\t", "\n# c\n", ":", "#"]


@st.composite
def objects(draw: st.DrawFn, indent: int = 0, depth: int = 0) -> list[str]:
    """Lines of an object, nearly all well-formed."""
    lines: list[str] = []
    for key in draw(st.lists(st.sampled_from(KEYS[:7]) | st.sampled_from(KEYS), min_size=1, max_size=3)):
        head = " " * indent + key + ":"
        kind = draw(st.integers(0, 6)) if depth < 3 else draw(st.integers(5, 6))
        if kind == 0:
            lines += [head, *draw(objects(indent + draw(st.integers(1, 3)), depth + 1))]
        elif kind <= 2:
            lines += [head + draw(st.sampled_from(["", " ", " # c"])), *draw(lists(indent, depth + 1))]
        elif kind == 6:
            lines += [f"{head} {draw(st.sampled_from(BLOCKS))}", *draw(blocks(indent))]
        else:
            lines.append(f"{head} {draw(st.sampled_from(SCALARS))}")
    return lines


@st.composite
def blocks(draw: st.DrawFn, indent: int) -> list[str]:
    """Lines of a block of text, nearly always at one column."""
    margin = indent + draw(st.integers(1, 3))
    lines: list[str] = []
    for text in draw(st.lists(st.sampled_from([*SCALARS, "a: |", "- b", "# c", "", "  d", "---"]), max_size=4)):
        column = draw(st.sampled_from([margin, margin, margin, margin + 1, margin - 1, 0]))
        lines.append(" " * column + text)
    return lines


@st.composite
def lists(draw: st.DrawFn, indent: int, depth: int) -> list[str]:
    """Lines of a list, at or right of a column."""
    indent += draw(st.integers(0, 2))
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        gap = " " * draw(st.integers(1, 3))
        if draw(st.booleans()):
            lines.append(f"{' ' * indent}-{gap}{draw(st.sampled_from(SCALARS))}")
        else:
            first, *rest = draw(objects(indent + 1 + len(gap), depth + 1))
            lines += [f"{' ' * indent}-{gap}{first.lstrip(' ')}", *rest]
    return lines


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A file of documents, some of them damaged."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        lines += [*draw(objects()), "---"]
    for place in draw(st.lists(st.integers(0, len(lines)), max_size=2)):
        lines.insert(place, draw(st.sampled_from(["", "# c", "   # c: d", "  ", "---", "...", " c", "- a", "#:"])))
    text = draw(st.sampled_from(["\n", "\r\n"])).join(lines)
    for place in draw(st.lists(st.integers(0, len(text)), max_size=1)):
        text = text[:place] + draw(st.sampled_from(NOISE)) + text[place + draw(st.integers(0, 1)) :]
    return text


@settings(deadline=None, max_examples=60)
@given(documents())
def test_documents_are_read_as_by_the_parser(text: str) -> None:
    """K375, K376: values, lines and errors are the parser's, whichever way a document takes."""
    assert_read_alike(text)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(NOISE + KEYS) | st.text(max_size=2), max_size=12))
def test_any_pieces_are_read_as_by_the_parser(pieces: list[str]) -> None:
    """K375, K376: no odd text is read otherwise."""
    assert_read_alike("".join(pieces))


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.text(max_size=6),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(SCALARS),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
    st.sampled_from([None, "'", '"', "|"]),
    st.sampled_from([20, 1000]),
)
def test_what_others_write_is_read_as_by_the_parser(value: dict[str, Any], style: str | None, width: int) -> None:
    """K375: files that a YAML library has written are read as by the parser."""
    assert_read_alike(yaml.safe_dump(value, default_style=style, width=width, allow_unicode=True, sort_keys=False))


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(["a: ", "a:\n  b: ", "a:\n- b: ", "a:\n  -   b: ", "a:\n    b: "]),
    st.sampled_from(["|", "|", "|-", "|+", "|2", ">", "| ", "|\t"]),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["x", "y", "", "", "- y", "# z", "k: v", "'", "k: |", "é"]))),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\nc: 1\n", "\n---\nd: 1\n", "\n   \n", "\n   "]),
)
def test_blocks_are_read_as_by_the_parser(
    head: str, style: str, lines: list[tuple[int, str]], line_end: str, end: str
) -> None:
    """K375, K376: blocks of text, whatever their margins and blank lines, are read as by the parser or left to it."""
    text = "\n".join([head + style, *(" " * indent + content for indent, content in lines)]) + end
    assert_read_alike(text.replace("\n", line_end))

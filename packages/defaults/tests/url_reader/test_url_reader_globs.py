"""Patterns of paths."""

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.url_reader.glob import glob_matcher, is_glob, static_prefix


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("*.yaml", ["a.yaml", "b.c.yaml"], ["a/b.yaml", ".yaml", "a.yml"]),
        ("**/x.yaml", ["x.yaml", "a/x.yaml", "a/b/x.yaml"], [".git/x.yaml", "a/x.yamlx"]),
        ("a/**/x", ["a/x", "a/b/c/x"], ["b/x", "x"]),
        ("a/**", ["a/b", "a/b/c"], ["b/a"]),
        ("a**b", ["ab", "axxb"], ["a/b"]),
        ("a?c", ["abc"], ["ac", "a/c", "abbc"]),
        ("?a", ["xa"], [".a"]),
        (".*/x", [".github/x"], ["github/x"]),
        ("[abc]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a]x", ["bx"], ["ax", "/x"]),
        ("[a-c]", ["b"], ["d"]),
        ("[z-a]", ["[z-a]"], ["b"]),
        ("[+--]", ["+", ",", "-"], ["."]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[", ["["], ["x"]),
        ("{a,b}/c", ["a/c", "b/c"], ["c/c", "{a,b}/c"]),
        ("{a,b{c,d}}", ["a", "bc", "bd"], ["b", "cd"]),
        ("x{,y}", ["x", "xy"], ["xz"]),
        ("{a}", ["{a}"], ["a"]),
        ("a.b+(c)", ["a.b+(c)"], ["axb+(c)"]),
        ("docs/{a,b}/*.md", ["docs/a/x.md"], ["docs/c/x.md", "docs/a/b/x.md"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], does_not: list[str]) -> None:
    """S60: stars stay within a segment unless they are a segment of two, and do not find hidden files."""
    matches = glob_matcher(pattern)
    assert [path for path in fits if not matches(path)] == []
    assert [path for path in does_not if matches(path)] == []


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_within_a_segment_as_fnmatch(pattern: str, name: str) -> None:
    """Within a segment `*` and `?` mean what they do for fnmatch."""
    if pattern != "**":
        assert glob_matcher(pattern)(name) == fnmatchcase(name, pattern)


@given(st.text("ab.*?[]{},!^-/\\|~&", max_size=30), st.text("ab./", max_size=30))
def test_any_text_is_a_pattern(pattern: str, path: str) -> None:
    """No text breaks the matcher."""
    assert glob_matcher(pattern)(path) in (True, False)


def test_patterns_cannot_be_made_slow() -> None:
    """Patterns with many stars, alternatives and folders take no time to speak of."""
    start = time.perf_counter()
    for pattern, path in [
        ("*a" * 30 + "b", "a" * 250),
        ("**/" * 40 + "x", "a/" * 200 + "y"),
        ("{a,b}" * 30, "ab" * 15),
        ("{" * 2000 + "," + "}" * 2000, "x"),
    ]:
        glob_matcher(pattern)(path)
    assert time.perf_counter() - start < 2


def test_static_prefix() -> None:
    """S60: the folders before the first pattern are told, so that only they have to be read."""
    assert [static_prefix(path) for path in ("a/b/*.md", "**/x", "a/{b,c}/d", "a/b", "a")] == ["a/b", "", "a", "a", ""]
    assert [is_glob(path) for path in ("a/b", "a/*", "a?", "[a]", "{a,b}")] == [False, True, True, True, True]

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config.substitution import substitute

ENV = {"A": "1", "B": "two", "E": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "1"),
        ("x${A}y${B}", "x1ytwo"),
        ("${ A }", "1"),
        ("${M}", None),
        ("x${A}${M}", None),
        ("${M:-def}", "def"),
        ("${E:-def}", "def"),
        ("${A:-def}", "1"),
        ("${M:- def }", "def"),
        ("${M:-}", None),
        ("${E:-}", ""),
        ("${M:-x:-y}", "x:-y"),
        ("${M:-http://h:1/p}", "http://h:1/p"),
        ("${E}", ""),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("a$${x}b${A}", "a${x}b1"),
        ("${A", "${A"),
        ("$A", "$A"),
        ("${}", None),
        ("${A-b}", None),
        ("", ""),
        ("{A}", "{A}"),
    ],
)
def test_placeholders_are_replaced(text: str, result: Any) -> None:
    """C22: names are trimmed, fallbacks cover empty values, $$ escapes, one undefined variable makes all undefined."""
    assert substitute(text, ENV) == result


@given(st.text())
def test_text_without_placeholders_stays(text: str) -> None:
    """C22: what holds no `${` is left alone."""
    text = text.replace("${", "")
    assert substitute(text, {}) == text


@given(
    st.lists(
        st.one_of(st.text("ab $", max_size=4).filter(lambda t: not t.endswith("$")), st.integers(0, 3)), max_size=6
    )
)
def test_each_placeholder_is_replaced_by_its_value_and_nothing_else(parts: Any) -> None:
    """C22: values go in as they are; a value that looks like a placeholder is not replaced again."""
    env = {f"V{index}": f"${{V{index}}}$" for index in range(4)}
    template = "".join(part if isinstance(part, str) else f"${{V{part}}}" for part in parts)
    expected = "".join(part if isinstance(part, str) else env[f"V{part}"] for part in parts)
    assert substitute(template, env) == expected


@given(st.text(st.characters(exclude_characters="{}"), max_size=8))
def test_an_escaped_placeholder_is_literal(inner: Any) -> None:
    """C22: `$${x}` is the way to write `${x}`."""
    assert substitute(f"$${{{inner}}}", {}) == f"${{{inner}}}"

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.database.placeholders import to_question_marks
from understage.errors import InputError

LITERALS = [
    "'$1'",
    "'it''s $2'",
    '"$1"',
    '"a""$1"',
    "`$1`",
    "-- $1\n",
    "/* $1\n$2 */",
    "name$1",
    "_a$2b",
    " ",
    "=",
    "é$1",
]


def test_each_placeholder_becomes_a_question_mark() -> None:
    """Placeholders become question marks in the order in which they stand, each with the argument that it takes."""
    assert to_question_marks("a = $2 AND b = $1 OR c = $2") == ("a = ? AND b = ? OR c = ?", (1, 0, 1), 2)
    assert to_question_marks("SELECT 1") == ("SELECT 1", (), 0)
    assert to_question_marks("$10" + "".join(f",${n}" for n in range(1, 10)))[1] == (9, *range(9))


@pytest.mark.parametrize("query", ["$2", "$0", "$1 $3", "$0 $1"])
def test_numbers_without_a_gap(query: str) -> None:
    """Placeholders count from 1 without a gap, or the statement is refused."""
    with pytest.raises(InputError, match="without a gap"):
        to_question_marks(query)


@given(st.lists(st.sampled_from([*LITERALS, "PLACE"]), max_size=20))
def test_what_is_no_placeholder_is_left_alone(parts: list[str]) -> None:
    """Text, quoted names, comments and names that hold a dollar come out as they went in."""
    numbered = iter(range(1, len(parts) + 1))
    query = " ".join(f"${next(numbered)}" if part == "PLACE" else part for part in parts)

    text, order, count = to_question_marks(query)

    assert text == " ".join("?" if part == "PLACE" else part for part in parts)
    assert order == tuple(range(count))
    assert count == parts.count("PLACE")


@given(st.text(alphabet="$'\"-/*`?123a \n", max_size=40))
def test_any_text_is_read_to_its_end(query: str) -> None:
    """No text makes reading fail in any other way than by a complaint about numbers."""
    try:
        text, order, count = to_question_marks(query)
    except InputError:
        return
    assert len(order) == text.count("?") - query.count("?")
    assert set(order) == set(range(count))

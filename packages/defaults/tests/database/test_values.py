import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.database.values import sqlite_arguments, sqlite_maker, to_sqlite, utc_text
from understage.errors import InputError

TIMES = st.datetimes(
    min_value=dt.datetime(2, 1, 1),  # noqa: DTZ001 - bounds have no zone
    max_value=dt.datetime(9998, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.timezones(),
)


class Everything(msgspec.Struct):
    at: dt.datetime | None
    flag: Annotated[bool, "x"]
    ref: UUID
    price: Decimal
    day: dt.date
    other: int | str


class Color(StrEnum):
    RED = "red"


@given(TIMES, TIMES)
def test_times_sort_as_their_texts_do(one: dt.datetime, other: dt.datetime) -> None:
    """Comparing the stored texts of two times is comparing the times, whatever their zones."""
    assert (utc_text(one) < utc_text(other)) == (one.astimezone(dt.UTC) < other.astimezone(dt.UTC))
    assert len(utc_text(one)) == len("2026-11-21T08:00:00.000123Z")


@given(TIMES, st.booleans(), st.uuids(), st.decimals(allow_nan=False), st.dates())
def test_values_come_back_as_they_went(at: dt.datetime, flag: bool, ref: UUID, price: Decimal, day: dt.date) -> None:
    """What SQLite stores of a value is read back into an equal one."""
    stored = [to_sqlite(value) for value in (at, flag, ref, price, day, 7)]

    row = sqlite_maker(Everything)(stored)

    assert row == Everything(at.astimezone(dt.UTC), flag, ref, price, day, 7)
    assert type(row.flag) is bool


def test_nothing_stays_nothing() -> None:
    """NULL reads as None in any field."""
    row = sqlite_maker(Everything)([None] * 6)

    assert all(getattr(row, name) is None for name in row.__struct_fields__)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (Color.RED, "red"),
        ([1, "a", None], '[1, "a", null]'),
        ((dt.date(2026, 1, 2),), '["2026-01-02"]'),
        (bytearray(b"x"), b"x"),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_what_sqlite_stores(value: Any, stored: Any) -> None:
    """Lists are JSON text, enums of text are text, bytes are bytes."""
    assert to_sqlite(value) == stored


def test_arguments_follow_the_question_marks() -> None:
    """Each question mark takes the argument that its placeholder named."""
    assert sqlite_arguments(["a", True], (1, 0, 1), 2, "q") == [True, "a", True]
    with pytest.raises(InputError, match="2 placeholders but got 3 arguments: q"):
        sqlite_arguments([1, 2, 3], (0, 1), 2, "q")
    with pytest.raises(InputError, match="dict cannot be stored; JSON is passed as text"):
        sqlite_arguments([{}], (0,), 1, "q")

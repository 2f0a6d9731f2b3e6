import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data, parse_duration
from understage.errors import InputError

UNITS = {
    "weeks": ["w", "week", "Weeks"],
    "days": ["d", "day", "DAYS"],
    "hours": ["h", "hr", "hrs", "hour", "hours"],
    "minutes": ["m", "min", "mins", "minute", "minutes"],
    "seconds": ["s", "sec", "secs", "second", "seconds"],
    "milliseconds": ["ms", "msec", "msecs", "millisecond", "milliseconds"],
}


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("2 hours", 7200),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("  1d ", 86400),
        ("100ms", 0.1),
        ("1y", 365 * 86400),
        ("PT1H", 3600),
        ("P1W", 7 * 86400),
        ("P1Y2M", (365 + 60) * 86400),
        ("P1DT2H3M4.5S", 86400 + 7200 + 180 + 4.5),
        ("PT0,5S", 0.5),
        ({"minutes": "5", "hours": 1}, 3900),
        ({"years": 1, "months": 1, "milliseconds": 3}, 395 * 86400 + 0.003),
        ({"seconds": 1.5}, 1.5),
        (timedelta(minutes=1), 60),
    ],
)
def test_every_written_form_is_read(written: Any, seconds: Any) -> None:
    """H63: text, ISO 8601 and objects of plural units are durations; a month has 30 days, a year 365."""
    assert parse_duration(written) == timedelta(seconds=seconds)


@given(st.integers(0, 10_000), st.sampled_from([(unit, word) for unit, words in UNITS.items() for word in words]))
def test_every_unit_word_means_its_unit(number: Any, unit_and_word: Any) -> None:
    """H63: `5 mins` and `{minutes: 5}` are the same, with and without a space, in any case."""
    unit, word = unit_and_word
    expected = timedelta(**{unit: number})
    assert parse_duration(f"{number}{word}") == parse_duration(f"{number} {word}") == expected
    assert parse_duration({unit: number}) == expected


@given(st.integers(0, 999), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_iso_durations_add_up(days: Any, hours: Any, minutes: Any, seconds: Any) -> None:
    """H63: the parts of an ISO 8601 duration are added."""
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}S") == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("30", "needs a unit"),
        ("abc", "not a duration"),
        ("", "not a duration"),
        ("1h30m", "not a duration"),
        ("1 month", "not a duration"),
        ("p1d", "not a duration"),
        ("-5m", "must not be negative"),
        ("P-1D", "must not be negative"),
        ("PT", "ISO 8601"),
        ("P", "ISO 8601"),
        ("P1DT", "ISO 8601"),
        ({}, "has no units"),
        ({"second": 1}, "'second' is not a unit"),
        ({"seconds": "x"}, "must be a number"),
        ({"seconds": -1}, "must not be negative"),
        ({"years": 1e9}, "too long"),
        (5, "not a duration"),
        (None, "not a duration"),
        (True, "not a duration"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_reason(written: Any, reason: str) -> None:
    """H63: plain numbers, unknown units and negative durations are errors that say so."""
    with pytest.raises(InputError, match=reason):
        parse_duration(written)


@given(st.text())
def test_any_text_is_a_duration_or_an_input_error(text: str) -> None:
    """H63: no text makes the parser fail otherwise."""
    with contextlib.suppress(InputError):
        assert parse_duration(text) >= timedelta()


def test_the_accessor_names_key_and_place() -> None:
    """C33, H63: get_duration reads every form, and names the key and the source of a bad one."""
    config = config_from_data({"a": {"text": "30s", "object": {"minutes": 1}, "bad": "soon", "number": 5}})
    assert config.get_duration("a.text") == timedelta(seconds=30)
    assert config.get_duration("a.object") == timedelta(minutes=1)
    assert config.get_optional_duration("a.none") is None
    with pytest.raises(ConfigError, match=r"^mock-config: a\.bad: not a duration; .*got a string \('soon'\)$"):
        config.get_duration("a.bad")
    with pytest.raises(ConfigError, match=r"^mock-config: a\.number: expected a duration .*got a number \(5\)$"):
        config.get_duration("a.number")

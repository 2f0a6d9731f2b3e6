"""Durations as people write them in configuration."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from understage.config.numbers import to_number
from understage.config.shapes import is_mapping
from understage.errors import InputError

HumanDuration: TypeAlias = str | Mapping[str, int | float | str]
"""A duration as it is written: `30s`, `2 hours`, `PT1H`, or an object such as `{minutes: 5, seconds: 30}`."""

_SECONDS = {
    "years": 365 * 86400.0,
    "months": 30 * 86400.0,
    "weeks": 7 * 86400.0,
    "days": 86400.0,
    "hours": 3600.0,
    "minutes": 60.0,
    "seconds": 1.0,
    "milliseconds": 0.001,
}

_UNITS = {
    "years": ("y", "yr", "yrs", "year"),
    "weeks": ("w", "week"),
    "days": ("d", "day"),
    "hours": ("h", "hr", "hrs", "hour"),
    "minutes": ("m", "min", "mins", "minute"),
    "seconds": ("s", "sec", "secs", "second"),
    "milliseconds": ("ms", "msec", "msecs", "millisecond"),
}
_SECONDS_BY_WORD = {word: _SECONDS[unit] for unit, words in _UNITS.items() for word in (unit, *words)}

_TEXT = re.compile(r"(-?\d*\.?\d+)\s*([a-z]+)", re.IGNORECASE | re.ASCII)
_NUMBER = r"(-?\d+(?:[.,]\d+)?)"
_ISO = re.compile(
    rf"P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII,
)
_ISO_UNITS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")

_HINT = "write a number and a unit such as '30s' or '2 hours', an ISO 8601 duration such as 'PT1H', or an object"


def parse_duration(value: Any) -> timedelta:
    """Reads a duration from text, an ISO 8601 duration, or an object of plural units.

    A month counts 30 days and a year 365, as in Backstage.

    Args:
        value: text such as `30s`, `2 hours` or `PT1H30M`; an object of `years`, `months`, `weeks`, `days`, `hours`,
            `minutes`, `seconds` and `milliseconds`; or a timedelta, which is returned as it is.

    Raises:
        InputError: it is none of these, has no unit, is negative, or is longer than a timedelta can hold.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = _from_text(value.strip())
    elif is_mapping(value):
        seconds = _from_units(value)
    else:
        raise InputError(f"not a duration; {_HINT}")
    if seconds < 0:
        raise InputError("a duration must not be negative")
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise InputError("the duration is too long") from None


def _from_text(text: str) -> float:
    if text.startswith("P"):
        return _from_iso(text)
    match = _TEXT.fullmatch(text)
    unit = _SECONDS_BY_WORD.get(match[2].lower()) if match else None
    if match and unit is not None:
        return float(match[1]) * unit
    if to_number(text) is not None:
        raise InputError(f"a duration needs a unit; {_HINT}")
    raise InputError(f"not a duration; {_HINT}")


def _from_iso(text: str) -> float:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        raise InputError("not an ISO 8601 duration; write it like 'P1D' or 'PT1H30M'")
    return sum(
        float(number.replace(",", ".")) * _SECONDS[unit]
        for number, unit in zip(match.groups(), _ISO_UNITS, strict=True)
        if number is not None
    )


def _from_units(units: Mapping[Any, Any]) -> float:
    known = ", ".join(_SECONDS)
    if not units:
        raise InputError(f"the duration has no units; use one or more of {known}")
    total = 0.0
    for unit, value in units.items():
        if unit not in _SECONDS:
            raise InputError(f"{unit!r} is not a unit of a duration; use one or more of {known}")
        number = to_number(value)
        if number is None:
            raise InputError(f"the {unit} of the duration must be a number")
        if number < 0:
            raise InputError("a duration must not be negative")
        total += number * _SECONDS[unit]
    return total

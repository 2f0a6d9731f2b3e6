"""Turns whatever is logged into plain JSON values."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any

from understage.errors.classes import describe_error

_MAX_DEPTH = 12


def describe_value(value: object) -> Any:
    """Returns something JSON can hold for a value of any other type; never raises.

    Args:
        value: an exception, a set, a path, or any object.
    """
    try:
        if isinstance(value, BaseException):
            return describe_error(value)
        if isinstance(value, AbstractSet):
            return list(value)
        return dict(value) if isinstance(value, Mapping) else str(value)
    except Exception as error:  # noqa: BLE001 - a broken __str__ of a logged object must not break the code that logs it
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"


def plain_value(value: object, change_text: Callable[[str], str] = lambda text: text, depth: int = 0) -> Any:
    """Returns a copy that JSON can hold for certain: no cycles, no foreign types, no unpaired surrogates.

    Args:
        value: anything.
        change_text: applied to every text in it, keys included, and to numbers whose text it changes.
        depth: how deep `value` is nested already.
    """
    if isinstance(value, str):
        return change_text(value.encode("utf-8", "replace").decode())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _plain_number(value, change_text)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if depth >= _MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return {
            plain_value(str(key), change_text): plain_value(item, change_text, depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple | AbstractSet):
        return [plain_value(item, change_text, depth + 1) for item in value]
    return plain_value(str(describe_value(value)), change_text)


def _plain_number(value: float, change_text: Callable[[str], str]) -> Any:
    text = str(value)
    changed = change_text(text)
    if changed != text:
        return changed
    if isinstance(value, float):
        return value if math.isfinite(value) else text
    return value if -(2**63) <= value < 2**64 else text


def traceback_text(error: BaseException) -> str:
    """Returns an exception's traceback, causes included, as Python prints it."""
    return "".join(traceback.format_exception(error)).rstrip()

"""JSON that others sent: read without trusting it."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

T = TypeVar("T")

# An escaped NUL: its backslash is not itself escaped. Unescaped, JSON has none.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class JsonTextError(ValueError):
    """A text is no JSON, or none that can be stored."""


def read_json(data: bytes, wanted: type[T]) -> T:
    """Reads JSON.

    Args:
        data: the text.
        wanted: what it must be.

    Raises:
        JsonTextError: it is no JSON or of another type, is nested too deep, or holds a NUL character, which databases
            cannot store.
    """
    if _NUL.search(data):
        raise JsonTextError("it holds a NUL character")
    try:
        return msgspec.json.decode(data, type=wanted)
    except RecursionError:
        raise JsonTextError("it is nested too deep") from None
    except UnicodeDecodeError:
        raise JsonTextError("it is not UTF-8") from None
    except msgspec.DecodeError as error:
        raise JsonTextError(str(error)) from error

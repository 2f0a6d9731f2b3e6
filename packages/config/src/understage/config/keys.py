"""Configuration keys: dotted names such as `backend.listen.port`."""

import re
from typing import TypeAlias

from understage.config.errors import InvalidConfigKeyError

Path: TypeAlias = tuple[str | int, ...]

_SEGMENT = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z][a-z0-9]*)*", re.IGNORECASE | re.ASCII)


def is_segment(text: str) -> bool:
    """Tells whether a text can be one part of a dotted key."""
    return _SEGMENT.fullmatch(text) is not None


def split_key(key: str | None) -> tuple[str, ...]:
    """Splits a dotted key; None and the empty text are the key of everything.

    Raises:
        InvalidConfigKeyError: a part is not words of letters and digits joined by `-` or `_`.
    """
    if not key:
        return ()
    parts = tuple(key.split("."))
    for part in parts:
        if not is_segment(part):
            raise InvalidConfigKeyError(
                f"invalid configuration key {key!r}: {part!r} is not made of letters and digits joined by '-' or '_', "
                "each word starting with a letter; read the section around it with get() instead"
            )
    return parts


def path_text(path: Path) -> str:
    """Writes a path as people do: `backend.reading.allow[0].host`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text

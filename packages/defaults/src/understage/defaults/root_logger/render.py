"""Renders log entries: JSON lines for machines, text for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import orjson

from understage.defaults.root_logger.redaction import Redactor
from understage.defaults.root_logger.values import describe_value, plain_value

Renderer = Callable[[dict[str, Any]], bytes]

# Dataclasses go through their repr, which hides what they want hidden, such as a token.
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
_COLOURS: Final = {"error": "31", "warn": "33", "info": "32", "debug": "34"}
_LEADING: Final = frozenset({"timestamp", "level", "message", "plugin", "service", "stack"})


class JsonRenderer:
    """Renders an entry as one line of JSON.

    Args:
        redactor: masks secrets.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, entry: dict[str, Any]) -> bytes:
        """Returns the line, without its end."""
        try:
            line = orjson.dumps(entry, describe_value, _OPTIONS)
        except TypeError:
            # A cycle, an unpaired surrogate or a number of over 64 bits.
            line = orjson.dumps(plain_value(entry))
        if self._redactor.found_in(line):
            return orjson.dumps(self._redactor.mask(entry), option=_OPTIONS)
        return line


class TextRenderer:
    """Renders an entry as text: time, plugin, level, message, then what else is known.

    Args:
        redactor: masks secrets.
        colours: whether to use terminal colours.
    """

    def __init__(self, redactor: Redactor, *, colours: bool) -> None:
        self._redactor = redactor
        self._colours = colours

    def __call__(self, entry: dict[str, Any]) -> bytes:
        """Returns the text, without its end; a traceback follows on lines of its own."""
        if isinstance(moment := entry.get("timestamp"), datetime):
            entry = entry | {"timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        plain = self._redactor.mask(entry)
        level = str(plain["level"])
        parts = [
            self._coloured(str(plain["timestamp"]), "2"),
            self._coloured(str(plain.get("plugin") or plain.get("service") or ""), "36"),
            self._coloured(level, _COLOURS.get(level, "0")),
            str(plain["message"]),
        ]
        parts.extend(f"{self._coloured(f'{key}=', '2')}{_shown(plain[key])}" for key in plain if key not in _LEADING)
        text = " ".join(part for part in parts if part)
        if stack := plain.get("stack"):
            text = f"{text}\n{stack}"
        return text.encode("utf-8", "replace")

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and text else text


def _shown(value: object) -> str:
    if isinstance(value, str) and value and not any(character in ' "=\n' for character in value):
        return value
    return orjson.dumps(value).decode()

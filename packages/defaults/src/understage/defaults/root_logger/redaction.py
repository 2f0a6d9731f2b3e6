"""Masks secrets in log entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from understage.defaults.root_logger.values import plain_value

MASK: Final = "***"
_KEPT: Final = frozenset({"level", "timestamp"})


class Redactor:
    """Knows the texts that must not be logged.

    A line is rendered first and searched; only a line that holds a secret is taken apart and masked
    value by value, so that numbers and escaped texts stay valid JSON.
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._rendered: tuple[bytes, ...] = ()

    def add(self, values: Iterable[str]) -> None:
        """Masks these texts from now on.

        Args:
            values: secrets. Surrounding white space does not count; a single character is no secret, since masking it
                would blot out everything.
        """
        new = {text for value in values if len(text := value.strip()) > 1} - self._secrets
        if not new:
            return
        self._secrets |= new
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        self._rendered = tuple(orjson.dumps(text.encode("utf-8", "replace").decode())[1:-1] for text in longest_first)

    def found_in(self, line: bytes) -> bool:
        """Tells whether a rendered JSON line may hold a secret."""
        # One search for each is quicker than a pattern of them all: it skips through the line.
        for text in self._rendered:  # noqa: SIM110 - a generator would cost more than the searches
            if text in line:
                return True
        return False

    def mask_text(self, text: str) -> str:
        """Returns a text with its secrets masked."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def mask(self, entry: Mapping[str, object]) -> dict[str, Any]:
        """Returns an entry with the secrets in all of its values masked, nested ones included.

        Its level and time stay: a secret that reads `info` must not make the log unreadable.
        """
        return {key: value if key in _KEPT else plain_value(value, self.mask_text) for key, value in entry.items()}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to mask."""
        return self._pattern is None

"""Level overrides: other levels for entries that match."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Matcher = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class LevelOverride:
    """Another level for the entries whose fields all match.

    Attributes:
        matchers: a test per field.
        severity: how severe a matching entry must be to be written.
    """

    matchers: Mapping[str, Matcher]
    severity: int

    def matches(self, entry: Mapping[str, object]) -> bool:
        """Tells whether every field that is asked for is there and matches."""
        return all(field in entry and matcher(entry[field]) for field, matcher in self.matchers.items())


def admits(overrides: Sequence[LevelOverride], severity: int, entry: Mapping[str, object], otherwise: int) -> bool:
    """Tells whether an entry is written: the first override that matches decides.

    Args:
        overrides: in the order of the configuration.
        severity: the entry's.
        entry: its fields.
        otherwise: how severe it must be when no override matches.
    """
    for override in overrides:
        if override.matches(entry):
            return severity >= override.severity
    return severity >= otherwise


def create_matcher(expected: Any) -> Matcher:
    """Returns the test that a configured matcher stands for.

    Args:
        expected: a text, `/a regular expression/`, another value, or a list of these, one of which must match.

    Raises:
        re.error: the text between slashes is no regular expression.
    """
    if isinstance(expected, list):
        alternatives: list[Matcher] = [create_matcher(item) for item in expected]
        return lambda actual: any(matcher(actual) for matcher in alternatives)
    if isinstance(expected, str) and len(expected) > 2 and expected.startswith("/") and expected.endswith("/"):
        pattern = re.compile(expected[1:-1])
        return lambda actual: isinstance(actual, str) and pattern.search(actual) is not None
    # In Python True equals 1; in a configuration they are different values.
    return lambda actual: actual == expected and isinstance(actual, bool) == isinstance(expected, bool)

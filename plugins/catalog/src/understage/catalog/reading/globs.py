"""Glob patterns, in file targets and in rules."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

_SPECIAL = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|\{[^{}]*\}")


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """Returns the regular expression for a glob: case does not count, and names that start with a dot match too.

    Args:
        pattern: `*` and `?` stay within a path segment, `**` crosses segments; `[ab]` and `{a,b}` are alternatives.
    """
    return re.compile("".join(_translate(pattern)) + r"\Z", re.IGNORECASE)


def _translate(pattern: str) -> Iterator[str]:
    end = 0
    for match in _SPECIAL.finditer(pattern):
        yield re.escape(pattern[end : match.start()])
        end = match.end()
        match match.group():
            case "**/":
                yield "(?:[^/]*/)*"
            case "**":
                yield ".*"
            case "*":
                yield "[^/]*"
            case "?":
                yield "[^/]"
            case text if text[0] == "[":
                inner = text[1:-1].replace("\\", "\\\\")
                yield f"[^{inner[1:]}]" if inner[0] in "!^" and len(inner) > 1 else f"[{inner}]"
            case text:
                yield "(?:" + "|".join("".join(_translate(one)) for one in text[1:-1].split(",")) + ")"
    yield re.escape(pattern[end:])


def expand_target(target: str) -> list[str]:
    """Returns the files that a target names: itself if it exists, else all that match it as a glob, sorted.

    Args:
        target: an absolute path or glob.
    """
    if Path(target).exists():
        return [target]
    found = {file for one in _expand_braces(target) for file in glob.glob(one, recursive=True)}  # noqa: PTH207
    return sorted(os.path.normpath(file) for file in found if Path(file).is_file())


def _expand_braces(pattern: str) -> Iterator[str]:
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        yield pattern
        return
    for choice in match.group(1).split(","):
        yield from _expand_braces(pattern[: match.start()] + choice + pattern[match.end() :])

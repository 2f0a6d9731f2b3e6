"""Patterns of paths: `*`, `**`, `?`, `[…]` and `{a,b}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

_SPECIAL: Final = re.compile(r"[*?{\[]")
# `a**` is no more than `a*`: two stars count only where they are a whole segment. Alternatives are looked for in
# stages, so that a pattern cannot make the regular expression try exponentially many ways.
_MAX_ALTERNATIVES: Final = 256


def is_glob(path: str) -> bool:
    """Tells whether a path holds a pattern."""
    return _SPECIAL.search(path) is not None


def static_prefix(path: str) -> str:
    """Returns the folders at the start of a pattern that hold no pattern themselves, without a slash at the end."""
    folders: list[str] = []
    for segment in path.split("/")[:-1]:
        if is_glob(segment):
            break
        folders.append(segment)
    return "/".join(folders)


def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Returns a function that tells whether a path fits a pattern.

    `*` and `?` stand for anything within a segment, but not for a dot at its start; `**` as a whole segment stands for
    any number of segments.

    Args:
        pattern: the pattern, with slashes.
    """
    alternatives = [[_segment(segment) for segment in one.split("/")] for one in _expand(pattern)]

    def matches(path: str) -> bool:
        segments = path.split("/")
        return any(_matches(alternative, segments) for alternative in alternatives)

    return matches


def _matches(pattern: list[re.Pattern[str] | None], segments: list[str]) -> bool:
    """Walks both at once; `reached` holds the positions in the pattern that the segments so far can end at."""
    reached = _close({0}, pattern)
    for segment in segments:
        following: set[int] = set()
        for position in reached:
            if position == len(pattern):
                continue
            part = pattern[position]
            if part is None:
                if not segment.startswith("."):
                    following.add(position)
            elif part.fullmatch(segment):
                following.add(position + 1)
        reached = _close(following, pattern)
    return len(pattern) in reached


def _close(positions: set[int], pattern: list[re.Pattern[str] | None]) -> set[int]:
    closed: set[int] = set()
    for start in positions:
        position = start
        closed.add(position)
        while position < len(pattern) and pattern[position] is None:
            position += 1
            closed.add(position)
    return closed


def _segment(segment: str) -> re.Pattern[str] | None:
    if segment == "**":
        return None
    parts: list[str] = [] if segment.startswith(".") else [r"(?!\.)"] if is_glob(segment[:1]) else []
    index = 0
    while index < len(segment):
        character = segment[index]
        end = segment.find("]", index + 2) if character == "[" else -1
        if character == "*":
            if not parts or parts[-1] != "[^/]*":
                parts.append("[^/]*")
        elif character == "?":
            parts.append("[^/]")
        elif end > 0:
            inner = segment[index + 1 : end]
            negated = "^" if inner[0] in "!^" else ""
            body = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner[1:] if negated else inner)
            parts.append(f"[{negated}{body}]" if body else re.escape(segment[index : end + 1]))
            index = end
        else:
            parts.append(re.escape(character))
        index += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return re.compile(re.escape(segment))


def _expand(pattern: str) -> list[str]:
    """Returns the pattern once for every choice of its `{a,b}`."""
    results, pending = list[str](), [pattern]
    while pending:
        text = pending.pop()
        found = _braces(text)
        if found is None or len(results) + len(pending) >= _MAX_ALTERNATIVES:
            results.append(text)
            continue
        start, end, choices = found
        pending.extend(text[:start] + choice + text[end:] for choice in reversed(choices))
    return results


def _braces(text: str) -> tuple[int, int, list[str]] | None:
    start = -1
    commas: list[int] = []
    # The innermost braces with a comma: those outside of them follow in the next round.
    for index, character in enumerate(text):
        if character == "{":
            start, commas = index, []
        elif character == "," and start >= 0:
            commas.append(index)
        elif character == "}" and start >= 0:
            if commas:
                edges = [start, *commas, index]
                choices = [text[a + 1 : b] for a, b in pairwise(edges)]
                return start, index + 1, choices
            start = -1
    return None

"""Patterns of paths: `*`, `**`, `?`, `[…]` and `{a,b}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

_SPECIAL: Final = re.compile(r"[*?{\[]")
# A pattern with more alternatives is taken literally beyond these, so that a short text cannot become a huge one.
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
    pieces = [""]
    index = 0
    while index < len(segment):
        character = segment[index]
        end = segment.find("]", index + 2) if character == "[" else -1
        if character == "*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append("")
        elif character == "?":
            pieces[-1] += "[^/]"
        elif end > 0:
            pieces[-1] += _character_class(segment[index + 1 : end])
            index = end
        else:
            pieces[-1] += re.escape(character)
        index += 1
    hidden = "" if segment.startswith(".") else r"(?!\.)"
    first, *rest = pieces
    if not rest:
        return re.compile(hidden + first, re.DOTALL)
    # Atomic groups: what stands between two stars is taken where it comes first, and never tried again further on.
    between = "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1])
    return re.compile(f"{hidden}{first}{between}[^/]*{rest[-1]}", re.DOTALL)


def _character_class(inner: str) -> str:
    negated = inner[0] in "!^" and len(inner) > 1
    characters = inner[1:] if negated else inner
    body = ""
    index = 0
    while index < len(characters):
        low = high = characters[index]
        if characters[index + 1 : index + 2] == "-" and index + 2 < len(characters):
            high = characters[index + 2]
            index += 2
        if low > high:
            return re.escape(f"[{inner}]")
        body += re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}"
        index += 1
    return f"[^/{body}]" if negated else f"(?!/)[{body}]"


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

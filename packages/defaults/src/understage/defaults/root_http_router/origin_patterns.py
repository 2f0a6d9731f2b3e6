"""Patterns for the origins that may read answers: globs as minimatch reads them."""

import re
from collections.abc import Callable, Sequence

_GROUP_SUFFIX = {"?": ")?", "*": ")*", "+": ")+", "@": ")"}


def origin_matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Returns a function that tells whether an origin matches one of the patterns, in any case of letters.

    `*` and `?` do not match slashes; `[abc]`, `{a,b}`, and the groups `?(x)`, `*(x)`, `+(x)`, `@(x|y)` work; a
    leading `!` negates the pattern.

    Args:
        patterns: such as `https://*.example.com`.
    """
    compiled = [_compile(pattern) for pattern in patterns]
    return lambda origin: any(matches(origin) for matches in compiled)


def _compile(pattern: str) -> Callable[[str], bool]:
    body = pattern.lstrip("!")
    negated = (len(pattern) - len(body)) % 2 == 1
    expressions = [_expression(part) for part in _expand_braces(body)]

    def matches(origin: str) -> bool:
        return any(expression.fullmatch(origin) for expression in expressions) is not negated

    return matches


def _expression(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(_translate(pattern), re.IGNORECASE | re.ASCII)
    except re.error:
        # A range such as [z-a] matches nothing but itself.
        return re.compile(re.escape(pattern), re.IGNORECASE | re.ASCII)


def _expand_braces(pattern: str) -> list[str]:
    """Expands the first `{a,b}` and, recursively, the rest."""
    start = pattern.find("{")
    while start != -1:
        options, end = _brace_options(pattern, start)
        if len(options) > 1:
            head, tails = pattern[:start], _expand_braces(pattern[end + 1 :])
            return [head + middle + tail for option in options for middle in _expand_braces(option) for tail in tails]
        start = pattern.find("{", start + 1)
    return [pattern]


def _brace_options(pattern: str, start: int) -> tuple[list[str], int]:
    depth, begin, options = 0, start + 1, list[str]()
    for index in range(start, len(pattern)):
        char = pattern[index]
        if char == "{":
            depth += 1
        elif char == "," and depth == 1:
            options.append(pattern[begin:index])
            begin = index + 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return [*options, pattern[begin:index]], index
    return [], start


def _translate(pattern: str) -> str:
    parts: list[str] = []
    groups: list[str] = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char in _GROUP_SUFFIX and pattern[index + 1 : index + 2] == "(" and ")" in pattern[index:]:
            groups.append(_GROUP_SUFFIX[char])
            parts.append("(?:")
            index += 1
        elif char == ")" and groups:
            parts.append(groups.pop())
        elif char == "|" and groups:
            parts.append("|")
        elif char == "*":
            parts.append("[^/]*")
        elif char == "?":
            parts.append("[^/]")
        elif char == "[" and "]" in pattern[index + 2 :]:
            end = pattern.index("]", index + 2)
            parts.append(_character_class(pattern[index + 1 : end]))
            index = end
        else:
            parts.append(re.escape(char))
        index += 1
    return "".join(parts) + "".join(reversed(groups))


def _character_class(content: str) -> str:
    negated = content[0] in "!^"
    escaped = content[1:] if negated else content
    escaped = re.sub(r"([\\\[\]&~|^])", r"\\\1", escaped).replace("--", r"-\-")
    return f"[{'^/' if negated else ''}{escaped}]"

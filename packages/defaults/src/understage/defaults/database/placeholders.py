"""Placeholders `$1`, `$2`, ... for SQLite, which counts question marks."""

import re
from functools import lru_cache

from understage.errors import InputError

_TOKEN = re.compile(
    r"""
    '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*`    # text and quoted names
    | --[^\n]* | /\*.*?(?:\*/|\Z)                       # comments
    | [^\W\d][\w$]*                                     # names and keywords, which may hold a dollar
    | \$(?P<number>\d+)
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=2048)
def to_question_marks(query: str) -> tuple[str, tuple[int, ...], int]:
    """Returns a query with `?` for each `$n`, which argument each of them takes, and how many arguments there are.

    Args:
        query: a statement; dollars within text, quoted names and comments are left alone.

    Raises:
        InputError: the numbers leave a gap or start with 0.
    """
    order: list[int] = []

    def replace(match: re.Match[str]) -> str:
        number = match["number"]
        if number is None:
            return match[0]
        order.append(int(number) - 1)
        return "?"

    text = _TOKEN.sub(replace, query)
    count = max(order, default=-1) + 1
    if set(order) != set(range(count)):
        raise InputError(f"the placeholders of a statement must be $1 to ${count} without a gap: {query}")
    return text, tuple(order), count

"""`${VAR}` inside texts."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$?\$\{([^{}]*)\}")


def substitute(text: str, variables: Mapping[str, str]) -> str | None:
    """Replaces `${VAR}` and `${VAR:-fallback}` by the values of variables; `$${x}` becomes a literal `${x}`.

    A fallback also covers a variable that is set but empty. An empty fallback is none.

    Args:
        text: any text.
        variables: the environment.

    Returns:
        The new text, or None if one variable is undefined: then the whole value is.
    """
    if "${" not in text:
        return text
    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[0].startswith("$$"):
            parts.append(match[0][1:])
            continue
        value = _lookup(match[1], variables)
        if value is None:
            return None
        parts.append(value)
    return "".join([*parts, text[end:]])


def _lookup(inner: str, variables: Mapping[str, str]) -> str | None:
    name, _, fallback = inner.partition(":-")
    value = variables.get(name.strip())
    fallback = fallback.strip()
    return fallback if fallback and not value else value

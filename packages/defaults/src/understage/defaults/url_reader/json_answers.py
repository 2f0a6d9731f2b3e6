"""JSON answers of source hosts."""

from __future__ import annotations

import re
from typing import Any

from understage.defaults.url_reader.transport import ReadRequest, Transport
from understage.errors import NotFoundError, UnderstageError

# Gerrit puts this before its JSON, so that browsers do not run it.
_GUARD = re.compile(rb"\A\)\]\}'\s*")


async def fetch_json(transport: Transport, request: ReadRequest) -> Any:
    """Makes a request and returns the JSON of the answer.

    Raises:
        UnderstageError: the answer is no JSON, or as for `Transport.fetch`.
    """
    import msgspec

    content = (await transport.fetch(request)).content
    try:
        return msgspec.json.decode(_GUARD.sub(b"", content, count=1))
    except msgspec.DecodeError as error:
        raise UnderstageError(
            f"{request.name or request.url} could not be read: the host did not answer JSON"
        ) from error


def text_at(answer: Any, name: str, *path: str | int) -> str:
    """Returns a text within an answer.

    Args:
        answer: the JSON.
        name: the address for errors.
        *path: member names and positions that lead to the text.

    Raises:
        NotFoundError: a list on the way is empty: there is no such commit or branch.
        UnderstageError: the answer has another shape.
    """
    value = answer
    try:
        for part in path:
            value = value[part]
    except IndexError:
        raise NotFoundError(f"{name} could not be read: the host knows no commit there") from None
    except (KeyError, TypeError):
        value = None
    if not isinstance(value, str) or not value:
        where = ".".join(map(str, path))
        raise UnderstageError(f"{name} could not be read: expected a text at '{where}' of the host's answer")
    return value

"""Which headers pass the gateway."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

Header = tuple[bytes, bytes]

HOPS: Final = b"backstage-gateway-hops"

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_REQUESTED: Final = _HOP_BY_HOP | {b"host", b"expect", HOPS}
# Our server writes a date of its own.
_NOT_ANSWERED: Final = _HOP_BY_HOP | {b"date"}
_HANDSHAKE: Final = b"sec-websocket-"
_COUNT: Final = re.compile(rb"\s*\+?(\d{1,30})")


def count_hops(headers: Iterable[Header]) -> int:
    """Returns how many gateways have passed a request on. What is no count, or below zero, counts as none.

    Args:
        headers: the request's headers; of several counts the highest is taken.
    """
    counts = [0]
    for name, value in headers:
        if name == HOPS:
            counts += [int(match[1]) for part in value.split(b",") if (match := _COUNT.match(part))]
    return max(counts)


def request_headers(headers: Sequence[Header], hops: int) -> list[tuple[str, str]]:
    """Returns the headers of the request that is passed on.

    Args:
        headers: those that came.
        hops: what it says of how far it has come.
    """
    passed = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in _without(headers, _NOT_REQUESTED)
        if not name.startswith(_HANDSHAKE)
    ]
    return [*passed, (HOPS.decode(), str(hops))]


def response_headers(headers: Sequence[Header]) -> list[Header]:
    """Returns the headers of the answer that is passed back; names in lower case."""
    lowered = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    return list(_without(lowered, _NOT_ANSWERED))


def _without(headers: Sequence[Header], names: frozenset[bytes]) -> Iterable[Header]:
    """Leaves out headers by name, and those that `Connection` names: they are for the next one on the way only."""
    private = {token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")}
    return (header for header in headers if header[0] not in names and header[0] not in private)

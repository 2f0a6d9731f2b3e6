"""The path and query of a request, as the client wrote them."""

import re
from urllib.parse import quote, unquote_to_bytes

from understage.errors import InputError
from understage.plugin_api import Scope

_INCOMPLETE_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

BASE = "understage.base"
"""Scope key: the path prefix that error documents leave out, such as `/api/catalog`."""


def raw_path(scope: Scope) -> bytes:
    """Returns the path as it was sent, still percent-encoded."""
    raw = scope.get("raw_path")
    path: str = scope["path"]
    return raw.partition(b"?")[0] if isinstance(raw, bytes) else quote(path).encode()


def request_url(scope: Scope) -> str:
    """Returns path and query as they were sent."""
    return _with_query(raw_path(scope), scope)


def relative_url(scope: Scope) -> str:
    """Returns path and query below the prefix at which the answering router is mounted."""
    base: str = scope.get(BASE, "")
    raw = raw_path(scope)
    encoded = base.encode()
    if not raw.startswith(encoded):
        path: str = scope["path"]
        raw = quote(path).encode()
        encoded = quote(base).encode()
    return _with_query(raw[len(encoded) :] or b"/", scope)


def check_encoding(scope: Scope) -> None:
    """Checks that every percent sign of the path begins an escape, and that the escapes are UTF-8.

    Raises:
        InputError: they are not.
    """
    sent = scope.get("raw_path")
    if isinstance(sent, bytes) and b"%" not in sent:
        return
    raw = raw_path(scope)
    if not _INCOMPLETE_ESCAPE.search(raw):
        try:
            unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            pass
        else:
            return
    raise InputError(f"Failed to decode the path '{raw.decode('latin-1')}': malformed percent-encoding")


def _with_query(path: bytes, scope: Scope) -> str:
    query: bytes = scope.get("query_string", b"")
    return (path + b"?" + query if query else path).decode("latin-1")

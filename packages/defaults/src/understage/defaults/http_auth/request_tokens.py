"""The tokens that a request carries."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote

from understage.plugin_api.services.auth import Request

COOKIE_NAME = "backstage-auth"
_MAX_REMEMBERED_BYTES = 4096
_DOTS_OF_A_TOKEN = 2

Scope = MutableMapping[str, Any]
TokenFromScope = Callable[[Scope], str | None]


def scope_of(request: Request) -> Scope:
    """Returns the ASGI scope of a request, or of what is the scope itself."""
    # A plain dict is what servers pass; asking for the abstract class alone would cost more.
    return request if isinstance(request, dict | MutableMapping) else request.scope


def token_from_header(scope: Scope) -> str | None:
    """Returns the token of `Authorization: Bearer <token>`; anything else in the header counts as none.

    Browsers cannot set this header for a web socket: there, a first subprotocol of the form of a token is one, too, as
    the frontend's own signals send it.
    """
    for name, value in _headers(scope):
        if name == b"authorization":
            return _remembered_token(value) if len(value) <= _MAX_REMEMBERED_BYTES else _bearer_token(value)
    return _token_from_subprotocol(scope) if is_web_socket(scope) else None


def is_web_socket(scope: Scope) -> bool:
    """Tells whether a request opens a web socket."""
    return scope.get("type") == "websocket"


def _token_from_subprotocol(scope: Scope) -> str | None:
    subprotocols: Sequence[str] = scope.get("subprotocols") or ()
    first = subprotocols[0] if subprotocols else ""
    return first if first.count(".") == _DOTS_OF_A_TOKEN else None


def _bearer_token(authorization: bytes) -> str | None:
    scheme, _, rest = authorization.decode("latin-1").strip().partition(" ")
    token = rest.lstrip(" ")
    # Splitting tells whether there is any white space.
    return token if scheme.lower() == "bearer" and token.split() == [token] else None


# The same few tokens come again and again; taking a text of their length apart is a good part of recognising them.
_remembered_token = lru_cache(maxsize=1000)(_bearer_token)


def token_from_cookie(scope: Scope) -> str | None:
    """Returns the token of the user cookie."""
    for name, value in _headers(scope):
        if name == b"cookie":
            token = _cookies(value.decode("latin-1")).get(COOKIE_NAME)
            if token:
                return token
    return None


def _cookies(header: str) -> Mapping[str, str]:
    cookies: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            value = value.strip()
            if value[:1] == '"' == value[-1:] and len(value) > 1:
                value = value[1:-1]
            # Browsers send the cookie with the longest path first, and the first counts.
            cookies.setdefault(name.strip(), unquote(value) if "%" in value else value)
    return cookies


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    return cast("list[tuple[bytes, bytes]]", scope.get("headers") or [])

"""The tokens that a request carries."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, cast
from urllib.parse import unquote

from understage.plugin_api.services.auth import Request

COOKIE_NAME = "backstage-auth"

Scope = MutableMapping[str, Any]
TokenFromScope = Callable[[Scope], str | None]


def scope_of(request: Request) -> Scope:
    """Returns the ASGI scope of a request, or of what is the scope itself."""
    # A plain dict is what servers pass; asking for the abstract class alone would cost more.
    return request if isinstance(request, dict | MutableMapping) else request.scope


def token_from_header(scope: Scope) -> str | None:
    """Returns the token of `Authorization: Bearer <token>`; anything else in the header counts as none."""
    for name, value in _headers(scope):
        if name == b"authorization":
            scheme, _, rest = value.decode("latin-1").strip().partition(" ")
            token = rest.lstrip(" ")
            # Splitting takes any white space; a regular expression would look at each character of a long token.
            return token if scheme.lower() == "bearer" and token.split() == [token] else None
    return None


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

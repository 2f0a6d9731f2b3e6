"""A working HTTP auth service for tests."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from understage.errors import AuthenticationError, NotAllowedError
from understage.plugin_api import Credentials, NonePrincipal, Principal
from understage.plugin_api.services.auth import HasResponseHeaders, Request
from understage.testing.credentials import COOKIE_NAME, NONE_TOKEN, mock_credentials
from understage.testing.mocks.auth import MockAuth

_BEARER = re.compile(rb"bearer +(\S+)", re.IGNORECASE)


class MockHttpAuth:
    """Reads mock tokens from requests. A request without credentials is the mock user's.

    Args:
        plugin_id: the plugin that it belongs to.
        default_credentials: whose a request without credentials is.
    """

    def __init__(self, plugin_id: str = "test", default_credentials: Credentials[Any] | None = None) -> None:
        self._auth = MockAuth(plugin_id)
        self._default: Credentials[Any] = default_credentials or mock_credentials.user()

    async def credentials(
        self,
        request: Request,
        *,
        allow: Collection[Any] | None = None,
        allow_limited_access: bool = False,
    ) -> Credentials[Any]:
        """Returns who makes a request.

        Args:
            request: the request or its ASGI scope.
            allow: kinds of principal to accept; None accepts any.
            allow_limited_access: whether limited user tokens and the cookie will do.

        Raises:
            AuthenticationError: credentials are missing or invalid.
            NotAllowedError: the principal is of a kind that is not allowed.
        """
        credentials = await self._read(request, limited=allow_limited_access)
        kind = credentials.principal.type
        if allow is None or kind in allow:
            return credentials
        if isinstance(credentials.principal, NonePrincipal):
            raise AuthenticationError("Missing credentials")
        raise NotAllowedError(f"This endpoint does not allow '{kind}' credentials")

    async def issue_user_cookie(
        self, request: Request, response: HasResponseHeaders, *, credentials: Credentials[Any] | None = None
    ) -> datetime | None:
        """Sets a cookie with a limited mock token of the user.

        Raises:
            AuthenticationError: the credentials are no user's.
        """
        if credentials is None:
            credentials = await self.credentials(request, allow=["user"])
        if isinstance(credentials.principal, NonePrincipal):
            response.headers.append("set-cookie", f"{COOKIE_NAME}=; Max-Age=0")
            return None
        limited = await self._auth.get_limited_user_token(credentials)
        response.headers.append("set-cookie", f"{COOKIE_NAME}={limited.token}")
        return limited.expires_at

    async def _read(self, request: Request, *, limited: bool) -> Credentials[Principal]:
        scope: Any = getattr(request, "scope", request)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        match = _BEARER.fullmatch(headers.get(b"authorization", b"").strip())
        if match:
            token = match[1].decode("latin-1")
            if token == NONE_TOKEN:
                return mock_credentials.none()
            return await self._auth.authenticate(token, allow_limited_access=limited)
        cookie = _cookie(headers.get(b"cookie", b"").decode("latin-1")) if limited else None
        if cookie:
            return await self._auth.authenticate(cookie, allow_limited_access=True)
        return self._default


def _cookie(header: str) -> str | None:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE_NAME:
            return value
    return None

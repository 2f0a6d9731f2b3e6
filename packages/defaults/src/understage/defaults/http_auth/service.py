"""The http auth service: who makes a request, and the user cookie."""

import asyncio
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from understage.defaults.auth.service import DefaultAuth
from understage.defaults.http_auth.cookie import CookieFormat
from understage.defaults.http_auth.request_tokens import (
    Scope,
    TokenFromScope,
    is_web_socket,
    scope_of,
    token_from_cookie,
    token_from_header,
)
from understage.errors import AuthenticationError, NotAllowedError, ServiceUnavailableError
from understage.plugin_api import (
    AuthService,
    Credentials,
    DiscoveryService,
    NonePrincipal,
    Principal,
    UserPrincipal,
    is_none,
    is_user,
)
from understage.plugin_api.services.auth import HasResponseHeaders, Request

SCOPE_KEY = "understage.http_auth"
KEEP_COOKIE_SECONDS = 5 * 60


# What was found out about one request, by whether limited access was allowed; a lock while somebody finds it out.
_Found = dict[bool, Credentials[Principal] | asyncio.Lock]


class DefaultHttpAuth:
    """Reads credentials of one plugin's requests. They are verified once per request and kind of access."""

    def __init__(
        self,
        plugin_id: str,
        auth: AuthService,
        discovery: DiscoveryService,
        *,
        token_from_request: TokenFromScope = token_from_header,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Puts the parts together.

        Args:
            plugin_id: the plugin.
            auth: verifies tokens.
            discovery: tells for which host the cookie is.
            token_from_request: reads the token off a request's ASGI scope.
            clock: tells the time, in seconds since 1970.
        """
        self._plugin_id = plugin_id
        self._auth = auth
        # A subclass may decide otherwise about each request.
        self._memory = auth if type(auth) is DefaultAuth else None
        self._discovery = discovery
        self._token_from_request = token_from_request
        self._clock = clock
        # Plugins of one process may call each other with one scope: each has an entry of its own.
        self._scope_key = f"{SCOPE_KEY}.{plugin_id}"

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
            allow: kinds of principal to accept; None accepts any, nobody included.
            allow_limited_access: whether limited user tokens and the cookie will do.

        Raises:
            AuthenticationError: credentials are missing or invalid.
            NotAllowedError: the principal is of a kind that is not allowed.
            ServiceUnavailableError: the credentials cannot be verified for now.
            TypeError: `allow` is no collection of `user`, `service` and `none`.
        """
        if isinstance(allow, str):
            raise TypeError(f"allow={allow!r} is a text; give the kinds as a list: allow=[{allow!r}]")
        scope = scope_of(request)
        credentials = self._recall(scope, allow_limited_access) or await self._find(scope, allow_limited_access)
        kind = credentials.principal.type
        if allow is None or kind in allow:
            return credentials
        if kind == "none":
            raise AuthenticationError("Missing credentials")
        raise NotAllowedError(f"This endpoint does not allow '{kind}' credentials")

    async def issue_user_cookie(
        self,
        request: Request,
        response: HasResponseHeaders,
        *,
        credentials: Credentials[UserPrincipal] | Credentials[NonePrincipal] | None = None,
    ) -> datetime | None:
        """Sets the cookie that lets a browser read on the user's behalf.

        A valid cookie of the same user that lasts for over five minutes is kept.

        Args:
            request: the request that is being answered.
            response: where the cookie is set.
            credentials: whose cookie; by default the request's. Those of nobody clear it.

        Returns:
            when the cookie ends, or None when it was cleared.

        Raises:
            AuthenticationError: the credentials are no user's.
            NotAllowedError: the request's own credentials are a service's.
        """
        cookie = CookieFormat(await self._discovery.get_external_base_url(self._plugin_id))
        if credentials is not None and is_none(credentials):
            response.headers.append("set-cookie", cookie.clear())
            return None
        user: Credentials[Any] = credentials or await self.credentials(request, allow=["user"])
        if not is_user(user):
            raise AuthenticationError(f"The cookie is for users; the credentials are a {user.principal.type}'s")
        kept_until = await self._present_cookie_end(scope_of(request), user.principal)
        if kept_until is not None:
            return kept_until
        limited = await self._auth.get_limited_user_token(user)
        response.headers.append("set-cookie", cookie.set(limited.token, limited.expires_at.timestamp()))
        return limited.expires_at

    def _recall(self, scope: Scope, allow_limited_access: bool) -> Credentials[Principal] | None:
        """Returns the credentials if nobody needs to be waited for: most requests come with a token that is known."""
        found: _Found = scope.get(self._scope_key) or scope.setdefault(self._scope_key, {})
        known = found.get(allow_limited_access)
        if known is None and self._memory is not None:
            token = self._token_from_request(scope)
            known = self._memory.recall(token, allow_limited_access=allow_limited_access) if token else None
            if known is not None:
                found[allow_limited_access] = known
        return known if isinstance(known, Credentials) else None

    async def _find(self, scope: Scope, allow_limited_access: bool) -> Credentials[Principal]:
        found: _Found = scope[self._scope_key]
        lock = found.setdefault(allow_limited_access, asyncio.Lock())
        if isinstance(lock, Credentials):
            return lock
        async with lock:
            known = found.get(allow_limited_access)
            if not isinstance(known, Credentials):
                known = found[allow_limited_access] = await self._verify(scope, allow_limited_access)
            return known

    async def _verify(self, scope: Scope, allow_limited_access: bool) -> Credentials[Principal]:
        token = self._token_from_request(scope)
        # Browsers send cookies with web sockets of any site, which then could read what comes.
        if not token and allow_limited_access and not is_web_socket(scope):
            token = token_from_cookie(scope)
        if not token:
            return await self._auth.get_none_credentials()
        return await self._auth.authenticate(token, allow_limited_access=allow_limited_access)

    async def _present_cookie_end(self, scope: Scope, user: UserPrincipal) -> datetime | None:
        token = token_from_cookie(scope)
        if token is None:
            return None
        try:
            present = await self._auth.authenticate(token, allow_limited_access=True)
        except (AuthenticationError, NotAllowedError, ServiceUnavailableError):
            return None  # whatever that cookie is, it is replaced by one that works
        if not is_user(present) or present.principal.user_entity_ref != user.user_entity_ref:
            return None
        ends = present.expires_at
        if ends is None or ends <= datetime.fromtimestamp(self._clock() + KEEP_COOKIE_SECONDS, UTC):
            return None
        return ends

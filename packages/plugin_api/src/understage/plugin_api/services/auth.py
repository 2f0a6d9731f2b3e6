"""The auth services: tokens, credentials of requests, and user info."""

from collections.abc import Collection, MutableMapping
from datetime import datetime
from typing import Any, Literal, Protocol, overload

from understage.plugin_api.credentials import (
    Credentials,
    LimitedUserToken,
    NonePrincipal,
    Principal,
    ServicePrincipal,
    UserInfo,
    UserPrincipal,
)


class AuthService(Protocol):
    """Verifies and mints the tokens that plugins and users present."""

    async def authenticate(self, token: str, *, allow_limited_access: bool = False) -> Credentials[Principal]:
        """Verifies a token: a plugin's, a user's, or an external caller's.

        Args:
            token: the token.
            allow_limited_access: whether a limited user token will do.

        Raises:
            AuthenticationError: the token proves nothing.
            NotAllowedError: the token is not for this plugin.
        """
        ...

    async def get_none_credentials(self) -> Credentials[NonePrincipal]:
        """Returns the credentials of nobody."""
        ...

    async def get_own_service_credentials(self) -> Credentials[ServicePrincipal]:
        """Returns this plugin's own credentials."""
        ...

    async def get_plugin_request_token(self, *, on_behalf_of: Credentials[Principal], target_plugin_id: str) -> str:
        """Mints a token for a request to another plugin.

        Args:
            on_behalf_of: a user, on whose behalf the other plugin then acts, or a service, which this plugin replaces.
            target_plugin_id: the only plugin that accepts the token.

        Raises:
            AuthenticationError: on behalf of nobody.
        """
        ...

    async def get_limited_user_token(self, credentials: Credentials[UserPrincipal]) -> LimitedUserToken:
        """Derives the limited token of a user's token.

        Raises:
            AuthenticationError: there is no user token behind the credentials.
        """
        ...

    async def list_public_service_keys(self) -> dict[str, list[dict[str, Any]]]:
        """Returns this plugin's key set: `{"keys": [JWK, ...]}`."""
        ...


class HasScope(Protocol):
    """A request: Starlette's, FastAPI's, or anything with an ASGI scope."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The ASGI scope."""
        ...


class ResponseHeaders(Protocol):
    """Headers that can be added to, such as Starlette's `MutableHeaders`."""

    def append(self, key: str, value: str) -> None:
        """Adds a header, keeping others of the same name."""
        ...


class HasResponseHeaders(Protocol):
    """A response: Starlette's, FastAPI's, or anything with headers."""

    @property
    def headers(self) -> ResponseHeaders:
        """The response's headers."""
        ...


Request = HasScope | MutableMapping[str, Any]


class HttpAuthService(Protocol):
    """Reads the credentials of requests, and issues the user cookie."""

    @overload
    async def credentials(
        self, request: Request, *, allow: Collection[Literal["user"]], allow_limited_access: bool = ...
    ) -> Credentials[UserPrincipal]: ...
    @overload
    async def credentials(
        self, request: Request, *, allow: Collection[Literal["service"]], allow_limited_access: bool = ...
    ) -> Credentials[ServicePrincipal]: ...
    @overload
    async def credentials(
        self, request: Request, *, allow: Collection[Literal["user", "service"]], allow_limited_access: bool = ...
    ) -> Credentials[UserPrincipal | ServicePrincipal]: ...
    @overload
    async def credentials(
        self,
        request: Request,
        *,
        allow: Collection[Literal["user", "service", "none"]] | None = ...,
        allow_limited_access: bool = ...,
    ) -> Credentials[Principal]: ...
    async def credentials(
        self,
        request: Request,
        *,
        allow: Collection[Any] | None = None,
        allow_limited_access: bool = False,
    ) -> Credentials[Any]:
        """Returns who makes a request. Verified once per request and kind of access.

        Args:
            request: the request or its ASGI scope.
            allow: kinds of principal to accept; None accepts any, nobody included.
            allow_limited_access: whether limited user tokens and the cookie will do.

        Raises:
            AuthenticationError: credentials are missing or invalid.
            NotAllowedError: the principal is of a kind that is not allowed.
        """
        ...

    async def issue_user_cookie(
        self,
        request: Request,
        response: HasResponseHeaders,
        *,
        credentials: Credentials[UserPrincipal] | Credentials[NonePrincipal] | None = None,
    ) -> datetime | None:
        """Sets the cookie that lets a browser read on the user's behalf; a valid one of over five minutes is kept.

        Args:
            request: the request that is being answered.
            response: where the cookie is set.
            credentials: whose cookie; by default the request's. Those of nobody clear it.

        Returns:
            when the cookie ends, or None when it was cleared.

        Raises:
            AuthenticationError: the credentials are no user's.
        """
        ...


class UserInfoService(Protocol):
    """Tells what is known of a user beyond the token."""

    async def get_user_info(self, credentials: Credentials[Principal]) -> UserInfo:
        """Returns a user's ownership refs.

        Args:
            credentials: a user's credentials.

        Raises:
            InputError: the credentials are no user's.
        """
        ...

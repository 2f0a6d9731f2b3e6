"""Sign-in providers: what a module registers, and the routes that it answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from understage.auth_api.sign_in import AuthResolverContext
from understage.config import Config
from understage.plugin_api import LoggerService

AuthRouteHandler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthProviderRouteHandlers:
    """What answers below `/api/auth/<provider>`.

    Attributes:
        start: GET `/start`: begins a sign-in.
        frame_handler: GET and POST `/handler/frame`: where the identity provider sends the browser back to.
        refresh: GET and POST `/refresh`: the session of whoever is signed in. None leaves the route out.
        logout: POST `/logout`: ends the session. None leaves the route out.
    """

    start: AuthRouteHandler
    frame_handler: AuthRouteHandler
    refresh: AuthRouteHandler | None = None
    logout: AuthRouteHandler | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthProviderContext:
    """What a provider is made from.

    Attributes:
        provider_id: the provider's id.
        config: the section `auth.providers.<provider_id>`.
        base_url: the address of the auth plugin as browsers see it, without a trailing slash.
        app_url: the address of the frontend, `app.baseUrl`, if it is configured.
        logger: the auth plugin's logger.
        resolver_context: what sign-in resolvers can do.
    """

    provider_id: str
    config: Config
    base_url: str
    app_url: str | None
    logger: LoggerService
    resolver_context: AuthResolverContext


class AuthProviderFactory(Protocol):
    """Makes a provider from its configuration, once at start."""

    def __call__(self, context: AuthProviderContext, /) -> AuthProviderRouteHandlers:
        """Returns the handlers of the provider's routes.

        Raises:
            ConfigError: the provider's configuration is invalid. In development the provider is left out then and its
                routes say so; elsewhere the auth plugin does not start.
        """
        ...

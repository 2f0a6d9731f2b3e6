"""The HTTP routes of the auth plugin. All of them are public; each decides for itself whom it answers."""

import re
from typing import Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from understage.auth.keys import KeyStore
from understage.auth.openid import openid_configuration
from understage.auth.provider_routes import provider_routes
from understage.auth.providers import Providers
from understage.errors import AuthenticationError, InputError
from understage.plugin_api import AuthService, DiscoveryService, is_user

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


class UserInfoReader(Protocol):
    """Knows what tokens leave out."""

    async def find_user_info(self, user_entity_ref: str) -> str | None:
        """Returns a user's info as JSON, or None."""
        ...


def create_router(
    *, auth: AuthService, discovery: DiscoveryService, keys: KeyStore, providers: Providers, users: UserInfoReader
) -> Starlette:
    """Returns the plugin's ASGI app.

    Args:
        auth: verifies the tokens of those who ask for user info.
        discovery: tells this plugin's own address.
        keys: the key store.
        providers: the sign-in providers.
        users: knows what tokens leave out.
    """

    async def key_set(_request: Request) -> Response:
        return _json({"keys": await keys.public_keys()})

    async def openid(_request: Request) -> Response:
        return _json(openid_configuration(await discovery.get_external_base_url("auth")))

    async def user_info(request: Request) -> Response:
        bearer = _BEARER.fullmatch(request.headers.get("authorization", ""))
        if bearer is None:
            raise AuthenticationError("No token provided")
        credentials = await auth.authenticate(bearer[1], allow_limited_access=True)
        if not is_user(credentials):
            raise InputError("User info is known of users only, and the token is a service's")
        stored = await users.find_user_info(credentials.principal.user_entity_ref)
        return PlainTextResponse("User info not found", 404) if stored is None else _json(msgspec.Raw(stored.encode()))

    app = Starlette(
        routes=[
            Route("/.well-known/jwks.json", key_set),
            Route("/.well-known/openid-configuration", openid),
            Route("/v1/userinfo", user_info),
            *provider_routes(providers),
        ]
    )
    # A redirect for a trailing slash would lead `//host/` away from here.
    app.router.redirect_slashes = False
    return app


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json; charset=utf-8")

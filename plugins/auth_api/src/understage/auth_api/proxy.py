"""Providers that need no dialogue with the browser: a proxy in front, or nothing at all, says who it is."""

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypeVar

from understage.auth_api.providers import AuthProviderContext, AuthProviderRouteHandlers
from understage.auth_api.session import session_response
from understage.auth_api.sign_in import SignInInfo, SignInResolver
from understage.auth_api.types import ProfileInfo
from understage.errors import UnsupportedOperationError

ResultT = TypeVar("ResultT")


class ProxyAuthenticator(Protocol[ResultT]):
    """Tells from a request alone who makes it."""

    async def authenticate(self, request: Request, /) -> ResultT:
        """Returns what the request proves.

        Raises:
            AuthenticationError: it proves nothing.
            NotAllowedError: this way of signing in is not open.
        """
        ...

    async def profile(self, result: ResultT, /) -> ProfileInfo:
        """Returns what is known of the person."""
        ...


def create_proxy_route_handlers(
    context: AuthProviderContext, authenticator: ProxyAuthenticator[ResultT], sign_in_resolver: SignInResolver[ResultT]
) -> AuthProviderRouteHandlers:
    """Returns handlers that answer `/refresh`; `/start` and `/handler/frame` are not offered (501), nor is `/logout`.

    Args:
        context: what the provider is made from.
        authenticator: tells who makes a request.
        sign_in_resolver: turns that into a user.
    """

    async def refresh(request: Request) -> Response:
        result = await authenticator.authenticate(request)
        profile = await authenticator.profile(result)
        signed_in = await sign_in_resolver(SignInInfo(profile, result), context.resolver_context)
        return session_response(profile, signed_in)

    return AuthProviderRouteHandlers(start=_not_offered, frame_handler=_not_offered, refresh=refresh)


async def _not_offered(_request: Request) -> Response:
    raise UnsupportedOperationError("Not implemented")

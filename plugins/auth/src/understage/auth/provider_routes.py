"""The routes of sign-in providers, and the answers for those that are not there."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understage.auth.providers import Providers
from understage.auth_api import AuthProviderRouteHandlers
from understage.errors import NotFoundError

_ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def provider_routes(providers: Providers) -> list[Route]:
    """Returns the routes of all providers; the last of them catch whatever names a provider that is not there.

    Args:
        providers: the outcome of turning providers on.
    """
    routes: list[Route] = []
    for provider_id, handlers in providers.handlers.items():
        routes += _offered(f"/{provider_id}", handlers)
    for provider_id in providers.unconfigured:
        routes += _refused(provider_id, f"No auth provider registered for '{provider_id}'")
    for provider_id in providers.misconfigured:
        message = (
            f"The auth provider '{provider_id}' is misconfigured: check auth.providers.{provider_id}"
            " and the environment variables that it uses; the log of the start tells what is wrong"
        )
        routes += _refused(provider_id, message)
    return [*routes, *(Route(path, _unknown, methods=_ALL_METHODS) for path in _below("/{provider}"))]


def _offered(path: str, handlers: AuthProviderRouteHandlers) -> Iterator[Route]:
    yield Route(f"{path}/start", handlers.start, methods=["GET"])
    yield Route(f"{path}/handler/frame", handlers.frame_handler, methods=["GET", "POST"])
    if handlers.refresh is not None:
        yield Route(f"{path}/refresh", handlers.refresh, methods=["GET", "POST"])
    if handlers.logout is not None:
        yield Route(f"{path}/logout", handlers.logout, methods=["POST"])


def _refused(provider_id: str, message: str) -> list[Route]:
    async def refuse(_request: Request) -> Response:
        raise NotFoundError(message)

    return [Route(path, refuse, methods=_ALL_METHODS) for path in _below(f"/{provider_id}")]


def _below(path: str) -> tuple[str, str]:
    return path, f"{path}/{{rest:path}}"


async def _unknown(request: Request) -> Response:
    raise NotFoundError(f"Unknown auth provider '{request.path_params['provider']}'")

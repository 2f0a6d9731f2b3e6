"""Creates the http auth service of each plugin."""

from understage.defaults.http_auth.request_tokens import TokenFromScope, token_from_header
from understage.defaults.http_auth.service import DefaultHttpAuth
from understage.plugin_api import (
    Auth,
    Discovery,
    HttpAuthService,
    PluginMetadata,
    ServiceFactory,
    core_services,
    create_service_factory,
)


def create_http_auth_service_factory(
    *, token_from_request: TokenFromScope = token_from_header
) -> ServiceFactory[HttpAuthService]:
    """Returns a factory whose service finds tokens elsewhere than in the `Authorization` header.

    Args:
        token_from_request: returns the token of a request, given its ASGI scope, or None.
    """

    @create_service_factory(service=core_services.http_auth)
    def factory(auth: Auth, discovery: Discovery, plugin: PluginMetadata) -> HttpAuthService:
        return DefaultHttpAuth(plugin.id, auth, discovery, token_from_request=token_from_request)

    return factory


http_auth_service_factory = create_http_auth_service_factory()

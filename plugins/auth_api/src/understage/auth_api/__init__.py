"""What modules of the auth plugin use: extension points, provider interfaces, sign-in types."""

from understage.auth_api.environment import is_development
from understage.auth_api.extension_points import (
    AuthOwnershipResolution,
    AuthOwnershipResolutionExtensionPoint,
    AuthProviders,
    AuthProvidersExtensionPoint,
    auth_ownership_resolution_extension_point,
    auth_providers_extension_point,
)
from understage.auth_api.ownership import AuthOwnershipResolver
from understage.auth_api.providers import (
    AuthProviderContext,
    AuthProviderFactory,
    AuthProviderRouteHandlers,
    AuthRouteHandler,
)
from understage.auth_api.proxy import ProxyAuthenticator, create_proxy_route_handlers
from understage.auth_api.session import backstage_identity, session_response
from understage.auth_api.sign_in import (
    AuthResolverContext,
    CatalogUserQuery,
    Entity,
    EntityFilter,
    SignInInfo,
    SignInResolver,
)
from understage.auth_api.types import BackstageIdentity, ProfileInfo, Session, SignInResult, UserIdentity

__all__ = [
    "AuthOwnershipResolution",
    "AuthOwnershipResolutionExtensionPoint",
    "AuthOwnershipResolver",
    "AuthProviderContext",
    "AuthProviderFactory",
    "AuthProviderRouteHandlers",
    "AuthProviders",
    "AuthProvidersExtensionPoint",
    "AuthResolverContext",
    "AuthRouteHandler",
    "BackstageIdentity",
    "CatalogUserQuery",
    "Entity",
    "EntityFilter",
    "ProfileInfo",
    "ProxyAuthenticator",
    "Session",
    "SignInInfo",
    "SignInResolver",
    "SignInResult",
    "UserIdentity",
    "auth_ownership_resolution_extension_point",
    "auth_providers_extension_point",
    "backstage_identity",
    "create_proxy_route_handlers",
    "is_development",
    "session_response",
]

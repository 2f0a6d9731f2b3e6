"""The extension points of the auth plugin."""

from typing import Annotated, Protocol

from understage.auth_api.ownership import AuthOwnershipResolver
from understage.auth_api.providers import AuthProviderFactory
from understage.plugin_api import ExtensionPoint, create_extension_point


class AuthProvidersExtensionPoint(Protocol):
    """Takes sign-in providers."""

    def register_provider(self, *, provider_id: str, factory: AuthProviderFactory) -> None:
        """Adds a provider; it is offered once `auth.providers.<provider_id>` is configured.

        Args:
            provider_id: its name in paths and in the configuration.
            factory: makes it.

        Raises:
            InputError: the id cannot stand in a path.
            ConflictError: the id is taken.
        """
        ...


class AuthOwnershipResolutionExtensionPoint(Protocol):
    """Takes the rule by which users own things."""

    def set_auth_ownership_resolver(self, resolver: AuthOwnershipResolver) -> None:
        """Replaces the rule that a user owns things itself and through its groups.

        Args:
            resolver: the new rule.

        Raises:
            ConflictError: it has been replaced already.
        """
        ...


auth_providers_extension_point: ExtensionPoint[AuthProvidersExtensionPoint] = create_extension_point(
    AuthProvidersExtensionPoint, id="auth.providers"
)
auth_ownership_resolution_extension_point: ExtensionPoint[AuthOwnershipResolutionExtensionPoint] = (
    create_extension_point(AuthOwnershipResolutionExtensionPoint, id="auth.ownershipResolution")
)

AuthProviders = Annotated[AuthProvidersExtensionPoint, auth_providers_extension_point]
AuthOwnershipResolution = Annotated[AuthOwnershipResolutionExtensionPoint, auth_ownership_resolution_extension_point]

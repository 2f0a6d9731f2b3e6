"""The guest provider module: its wiring."""

from understage.auth_api import AuthProviders
from understage.auth_module_guest_provider.authenticator import create_guest_provider
from understage.plugin_api import ModuleRegistrationPoints, create_backend_module


@create_backend_module(plugin_id="auth", module_id="guest-provider")
def auth_module_guest_provider(env: ModuleRegistrationPoints) -> None:
    """Offers the provider `guest`: everybody signs in as one and the same user."""

    @env.register_init
    async def init(providers: AuthProviders) -> None:
        providers.register_provider(provider_id="guest", factory=create_guest_provider)

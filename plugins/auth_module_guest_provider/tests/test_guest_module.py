"""The guest provider module within a backend, where a fake stands for the auth plugin."""

from unittest.mock import Mock

from understage.auth_api import auth_providers_extension_point
from understage.auth_module_guest_provider import feature
from understage.auth_module_guest_provider.authenticator import create_guest_provider
from understage.testing import start_test_backend


async def test_the_module_offers_the_provider() -> None:
    """The module registers the provider `guest` with the auth plugin, and nothing else."""
    providers = Mock()
    async with start_test_backend(features=[feature], extension_points=[(auth_providers_extension_point, providers)]):
        providers.register_provider.assert_called_once_with(provider_id="guest", factory=create_guest_provider)

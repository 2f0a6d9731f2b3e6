"""Guest sign-in for the auth plugin."""

from understage.auth_module_guest_provider.module import auth_module_guest_provider

feature = auth_module_guest_provider

__all__ = ["auth_module_guest_provider", "feature"]

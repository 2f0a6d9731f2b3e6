"""The auth plugin: sign-in providers, user tokens, key sets, user info."""

from understage.auth.plugin import auth_plugin

feature = auth_plugin

__all__ = ["auth_plugin", "feature"]

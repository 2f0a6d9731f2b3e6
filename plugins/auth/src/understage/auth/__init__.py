"""The auth plugin: sign-in providers, user tokens, key sets, user info."""

"""Guest sign-in for the auth plugin."""

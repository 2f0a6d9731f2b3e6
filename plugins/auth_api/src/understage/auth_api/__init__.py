"""Extension points and types of the auth plugin."""

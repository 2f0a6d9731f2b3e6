"""The testing kit: test backends, mock services, credentials, databases, pytest plugin."""

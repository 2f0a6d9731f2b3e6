"""The default core services and create_backend()."""

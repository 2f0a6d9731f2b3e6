"""The protocols of the core services, a module each."""

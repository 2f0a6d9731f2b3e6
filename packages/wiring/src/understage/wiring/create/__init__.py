"""The instances of services."""

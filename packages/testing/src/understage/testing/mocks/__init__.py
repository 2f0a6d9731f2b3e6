"""Fakes of the core services."""

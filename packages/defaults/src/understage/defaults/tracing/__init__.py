"""The tracing service: spans of plugins, of requests, of the start and of the database."""

from understage.defaults.tracing.factory import tracing_service_factory

__all__ = ["tracing_service_factory"]

"""The cache service: values that may be forgotten at any moment."""

from understage.defaults.cache.cache import DefaultCache
from understage.defaults.cache.factory import cache_service_factory

__all__ = ["DefaultCache", "cache_service_factory"]

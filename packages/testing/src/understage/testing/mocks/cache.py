"""A cache for tests: in memory."""

from __future__ import annotations

from understage.defaults.cache.cache import DefaultCache
from understage.defaults.cache.memory import MemoryStore
from understage.plugin_api import CacheService, PluginMetadata, ServiceFactory, core_services, create_service_factory


def create_memory_cache(plugin_id: str) -> DefaultCache:
    """Returns a fresh cache in memory."""
    return DefaultCache(MemoryStore(), plugin_id)


def memory_cache_factory() -> ServiceFactory[CacheService]:
    """Returns a factory of caches in memory, a fresh one for each plugin and backend."""

    @create_service_factory(service=core_services.cache)
    def factory(plugin: PluginMetadata) -> CacheService:
        return create_memory_cache(plugin.id)

    return factory

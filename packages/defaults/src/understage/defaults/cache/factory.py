"""Creates the cache of each plugin, all on one store."""

from understage.defaults.cache.cache import DefaultCache
from understage.defaults.cache.config import CacheSettings, read_cache_settings
from understage.defaults.cache.guard import GuardedStore
from understage.defaults.cache.memory import MemoryStore
from understage.defaults.cache.store import CacheStore
from understage.defaults.root_lifecycle.root_lifecycle import close_after_shutdown
from understage.plugin_api import (
    CacheService,
    PluginMetadata,
    RootConfig,
    RootLifecycle,
    RootLogger,
    core_services,
    create_service_factory,
)


def create_shared_cache(config: RootConfig, lifecycle: RootLifecycle, logger: RootLogger) -> DefaultCache:
    """Creates the cache that those of all plugins are parts of. Nothing is connected before it is used.

    Raises:
        ConfigError: the store is unknown, or its settings cannot be used.
        UnsupportedOperationError: the store's client is not installed; the message names the command.
    """
    settings = read_cache_settings(config, logger)
    store = create_store(settings)
    close_after_shutdown(lifecycle, store.close)
    if not isinstance(store, MemoryStore):
        store = GuardedStore(store, logger, title=settings.title)
    return DefaultCache(store, default_ttl=settings.default_ttl)


@create_service_factory(service=core_services.cache, create_root_context=create_shared_cache)
def cache_service_factory(plugin: PluginMetadata, root_context: DefaultCache) -> CacheService:
    """Provides each plugin's cache."""
    return root_context.for_plugin(plugin.id)


def create_store(settings: CacheSettings) -> CacheStore:
    """Creates what keeps the values. Nothing is connected yet; outages raise.

    Args:
        settings: which store it is, and where.
    """
    if settings.store == "memory":
        return MemoryStore()
    if settings.store == "memcache":
        from understage.defaults.cache.memcached import create_memcached_store

        return create_memcached_store(settings)
    from understage.defaults.cache.redis import create_redis_store

    return create_redis_store(settings)

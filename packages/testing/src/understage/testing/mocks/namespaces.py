"""The members of `mock_services`, one for each core service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from understage.config import Config
from understage.defaults.lifecycle import DefaultLifecycle, lifecycle_service_factory
from understage.defaults.logger import logger_service_factory
from understage.defaults.root_health import DefaultRootHealth, root_health_service_factory
from understage.defaults.root_lifecycle import DefaultRootLifecycle, root_lifecycle_service_factory
from understage.defaults.root_logger import DefaultRootLogger
from understage.defaults.root_logger.levels import LevelName
from understage.plugin_api import (
    AuthService,
    CacheService,
    Credentials,
    DatabaseService,
    DiscoveryService,
    EventsService,
    HttpAuthService,
    HttpResponse,
    HttpRouterService,
    LifecycleService,
    LoggerService,
    PluginMetadata,
    RootHealthService,
    RootHttpClientService,
    RootHttpRouterService,
    RootLifecycleService,
    RootLoggerService,
    SchedulerService,
    ServiceFactory,
    ServiceRef,
    UrlReaderService,
    UserInfoService,
    create_service_factory,
)
from understage.testing.mocks.auth import MockAuth
from understage.testing.mocks.config import MockRootConfig
from understage.testing.mocks.discovery import MockDiscovery
from understage.testing.mocks.events import MockEvents
from understage.testing.mocks.http_auth import MockHttpAuth
from understage.testing.mocks.http_client import HttpHandler, MockHttpClient
from understage.testing.mocks.logger import create_mock_root_logger
from understage.testing.mocks.metadata import MockPluginMetadata, MockRootInstanceMetadata
from understage.testing.mocks.scheduler import MockScheduler, mock_scheduler_factory
from understage.testing.mocks.service_mock import create_service_mock, service_factory_of
from understage.testing.mocks.url_reader import MockUrlReader
from understage.testing.mocks.user_info import MockUserInfo

if TYPE_CHECKING:
    from understage.defaults.cache import DefaultCache
    from understage.defaults.http_router import DefaultHttpRouter
    from understage.defaults.root_http_router import DefaultRootHttpRouter

T = TypeVar("T")


class MockNamespace(Generic[T]):
    """What all members share.

    Args:
        ref: the service.
    """

    def __init__(self, ref: ServiceRef[T]) -> None:
        self.ref = ref

    def mock(self, **partial: Any) -> Any:
        """Returns a service all of whose methods are spies; itself a feature, and `.factory` is one everywhere.

        Args:
            **partial: by method, a function that the spy runs, or the value that it returns; by property, its value.
        """
        return create_service_mock(self.ref, **partial)


class AuthNamespace(MockNamespace[AuthService]):
    """The auth service: understands and mints mock tokens."""

    def __call__(self, *, plugin_id: str = "test", disable_default_auth_policy: bool = False) -> MockAuth:
        """Returns a working auth service.

        Args:
            plugin_id: the plugin that it belongs to.
            disable_default_auth_policy: whether nobody gets an empty token instead of an error.
        """
        return MockAuth(plugin_id, disable_default_auth_policy=disable_default_auth_policy)

    def factory(self, *, disable_default_auth_policy: bool = False) -> ServiceFactory[AuthService]:
        """Returns a factory of the working service; the argument as there."""

        @create_service_factory(service=self.ref)
        def factory(plugin: PluginMetadata) -> AuthService:
            return MockAuth(plugin.id, disable_default_auth_policy=disable_default_auth_policy)

        return factory


class CacheNamespace(MockNamespace[CacheService]):
    """The cache of a plugin: the real one, in memory."""

    def __call__(self, plugin_id: str = "test") -> DefaultCache:
        """Returns a fresh cache.

        Args:
            plugin_id: the plugin that it belongs to.
        """
        from understage.testing.mocks.cache import create_memory_cache

        return create_memory_cache(plugin_id)

    def factory(self) -> ServiceFactory[CacheService]:
        """Returns a factory of fresh caches."""
        from understage.testing.mocks.cache import memory_cache_factory

        return memory_cache_factory()


class DatabaseNamespace(MockNamespace[DatabaseService]):
    """The database service: SQLite in memory, or a database of the test."""

    def __call__(self, plugin_id: str = "test") -> DatabaseService:
        """Returns a fresh database in memory.

        Args:
            plugin_id: the plugin that it belongs to.
        """
        from understage.testing.mocks.database import create_memory_databases

        return create_memory_databases().for_plugin(plugin_id)

    def factory(self, database: DatabaseService | None = None) -> ServiceFactory[DatabaseService]:
        """Returns a factory of databases.

        Args:
            database: the database of all plugins; by default each plugin has one in memory.
        """
        if database is not None:
            return service_factory_of(self.ref, database)
        from understage.testing.mocks.database import memory_database_factory

        return memory_database_factory()


class DiscoveryNamespace(MockNamespace[DiscoveryService]):
    """The discovery service: all plugins at one address."""

    def __call__(self, base_url: str = "http://localhost:0") -> MockDiscovery:
        """Returns a working discovery service.

        Args:
            base_url: where all plugins are; by default nowhere, so that stray calls fail.
        """
        return MockDiscovery(base_url)

    def factory(self, base_url: str = "http://localhost:0") -> ServiceFactory[DiscoveryService]:
        """Returns a factory of the working service; the argument as there."""
        return service_factory_of(self.ref, MockDiscovery(base_url))


class EventsNamespace(MockNamespace[EventsService]):
    """The events service: in memory, without the bus."""

    def __call__(self) -> MockEvents:
        """Returns a working events service; its `published` holds what was published."""
        return MockEvents()

    def factory(self, events: EventsService | None = None) -> ServiceFactory[EventsService]:
        """Returns a factory of one events service for all plugins.

        Args:
            events: the service; by default a fresh one.
        """
        return service_factory_of(self.ref, MockEvents() if events is None else events)


class HttpAuthNamespace(MockNamespace[HttpAuthService]):
    """The HTTP auth service: reads mock tokens; requests without credentials are the mock user's."""

    def __call__(self, *, plugin_id: str = "test", default_credentials: Credentials[Any] | None = None) -> MockHttpAuth:
        """Returns a working HTTP auth service.

        Args:
            plugin_id: the plugin that it belongs to.
            default_credentials: whose a request without credentials is; by default the mock user's.
        """
        return MockHttpAuth(plugin_id, default_credentials)

    def factory(self, *, default_credentials: Credentials[Any] | None = None) -> ServiceFactory[HttpAuthService]:
        """Returns a factory of the working service; the argument as there."""

        @create_service_factory(service=self.ref)
        def factory(plugin: PluginMetadata) -> HttpAuthService:
            return MockHttpAuth(plugin.id, default_credentials)

        return factory


class HttpRouterNamespace(MockNamespace[HttpRouterService]):
    """The HTTP router of a plugin: the real one."""

    def __call__(self, plugin_id: str = "test") -> DefaultHttpRouter:
        """Returns a router, itself an ASGI app, of a plugin that has started.

        Args:
            plugin_id: the plugin.
        """
        from understage.testing.mocks.routers import create_http_router

        return create_http_router(plugin_id)

    def factory(self) -> ServiceFactory[HttpRouterService]:
        """Returns the factory of the real service."""
        from understage.defaults.http_router import http_router_service_factory

        return http_router_service_factory


class LifecycleNamespace(MockNamespace[LifecycleService]):
    """The lifecycle of a plugin: the real one."""

    def __call__(self, plugin_id: str = "test") -> DefaultLifecycle:
        """Returns a lifecycle; the test calls its `startup` and `shutdown`."""
        return DefaultLifecycle(create_mock_root_logger(), owner=f"plugin '{plugin_id}'")

    def factory(self) -> ServiceFactory[LifecycleService]:
        """Returns the factory of the real service."""
        return lifecycle_service_factory


class LoggerNamespace(MockNamespace[LoggerService]):
    """The logger of a plugin."""

    def __call__(self, level: LevelName = "none") -> LoggerService:
        """Returns a logger.

        Args:
            level: `none` writes nothing; other levels write text to standard output.
        """
        return create_mock_root_logger(level)

    def factory(self) -> ServiceFactory[LoggerService]:
        """Returns the factory of the real service: a child of the root logger."""
        return logger_service_factory


class PluginMetadataNamespace(MockNamespace[PluginMetadata]):
    """Which plugin a service belongs to. The backend provides this itself, so there is no factory."""

    def __call__(self, plugin_id: str = "test") -> MockPluginMetadata:
        """Returns the metadata of a plugin."""
        return MockPluginMetadata(plugin_id)


class RootConfigNamespace(MockNamespace[Config]):
    """The configuration, made of plain data."""

    def __call__(self, data: Mapping[str, Any] | None = None) -> MockRootConfig:
        """Returns a configuration; its `update` changes it as a reload would.

        Args:
            data: nested dicts, lists and scalars.
        """
        return MockRootConfig(data)

    def factory(self, data: Mapping[str, Any] | None = None) -> ServiceFactory[Config]:
        """Returns a factory of the configuration; the argument as there."""
        return service_factory_of(self.ref, MockRootConfig(data))


class RootHealthNamespace(MockNamespace[RootHealthService]):
    """The health of the backend: the real service."""

    def __call__(self, lifecycle: RootLifecycleService | None = None) -> DefaultRootHealth:
        """Returns a health service.

        Args:
            lifecycle: what it follows; by default one that never starts.
        """
        return DefaultRootHealth(lifecycle or DefaultRootLifecycle(create_mock_root_logger()))

    def factory(self) -> ServiceFactory[RootHealthService]:
        """Returns the factory of the real service."""
        return root_health_service_factory


class RootHttpClientNamespace(MockNamespace[RootHttpClientService]):
    """The HTTP client: answers from a table of the test."""

    def __call__(self, routes: Mapping[str, HttpResponse | HttpHandler] | None = None) -> MockHttpClient:
        """Returns a client that makes no requests.

        Args:
            routes: by `METHOD address`, such as `GET https://example.com/x`, an answer or what makes one.
        """
        return MockHttpClient(routes)

    def factory(
        self, routes: Mapping[str, HttpResponse | HttpHandler] | None = None
    ) -> ServiceFactory[RootHttpClientService]:
        """Returns a factory of the client; the argument as there."""
        return service_factory_of(self.ref, MockHttpClient(routes))


class RootHttpRouterNamespace(MockNamespace[RootHttpRouterService]):
    """The root of the HTTP server: routes, health and error documents, without the layers for the outside world."""

    def __call__(self) -> DefaultRootHttpRouter:
        """Returns a root router; its `app` answers requests."""
        from understage.testing.mocks.routers import create_root_http_router

        return create_root_http_router()

    def factory(self, *, listen: bool = False) -> ServiceFactory[RootHttpRouterService]:
        """Returns a factory of the real service without security headers, CORS, compression, limits and request log.

        Args:
            listen: whether to open a port of this machine.
        """
        from understage.defaults.root_http_router import RootPipeline, root_http_router_service_factory

        return root_http_router_service_factory(configure=RootPipeline.bare, listen=listen)


class RootInstanceMetadataNamespace(MockNamespace[Any]):
    """Which plugins are installed. The backend provides this itself, so there is no factory."""

    def __call__(self, plugins: Mapping[str, Sequence[str]] | None = None) -> MockRootInstanceMetadata:
        """Returns the metadata of a backend.

        Args:
            plugins: ids of modules by the id of their plugin.
        """
        return MockRootInstanceMetadata(plugins)


class RootLifecycleNamespace(MockNamespace[RootLifecycleService]):
    """The lifecycle of the backend: the real one."""

    def __call__(self) -> DefaultRootLifecycle:
        """Returns a lifecycle; the test calls its `startup`, `before_shutdown` and `shutdown`."""
        return DefaultRootLifecycle(create_mock_root_logger())

    def factory(self) -> ServiceFactory[RootLifecycleService]:
        """Returns the factory of the real service."""
        return root_lifecycle_service_factory


class RootLoggerNamespace(MockNamespace[RootLoggerService]):
    """The root logger: silent unless a level is given."""

    def __call__(self, level: LevelName = "none") -> DefaultRootLogger:
        """Returns a root logger.

        Args:
            level: `none` writes nothing; other levels write text to standard output.
        """
        return create_mock_root_logger(level)

    def factory(self, level: LevelName = "none") -> ServiceFactory[RootLoggerService]:
        """Returns a factory of the root logger; the argument as there."""
        return service_factory_of(self.ref, create_mock_root_logger(level))


class SchedulerNamespace(MockNamespace[SchedulerService]):
    """The scheduler of a plugin: tasks run once at startup, and when the test triggers them."""

    def __call__(self) -> MockScheduler:
        """Returns a scheduler that runs tasks when they are triggered."""
        return MockScheduler()

    def factory(self, *, run_at_startup: bool = True) -> ServiceFactory[SchedulerService]:
        """Returns a factory of schedulers.

        Args:
            run_at_startup: whether tasks that are neither manual nor delayed run once when the plugin has started.
        """
        return mock_scheduler_factory(run_at_startup=run_at_startup)


class UrlReaderNamespace(MockNamespace[UrlReaderService]):
    """The URL reader: reads from a table of the test."""

    def __call__(self, files: Mapping[str, bytes | str] | None = None) -> MockUrlReader:
        """Returns a reader that makes no requests.

        Args:
            files: by address, the content.
        """
        return MockUrlReader(files)

    def factory(self, files: Mapping[str, bytes | str] | None = None) -> ServiceFactory[UrlReaderService]:
        """Returns a factory of the reader; the argument as there."""
        return service_factory_of(self.ref, MockUrlReader(files))


class UserInfoNamespace(MockNamespace[UserInfoService]):
    """The user info service: each user owns things through its own ref."""

    def __call__(self, ownership_entity_refs: Sequence[str] | None = None) -> MockUserInfo:
        """Returns a working user info service.

        Args:
            ownership_entity_refs: refs through which every user owns things, instead of the user's own.
        """
        return MockUserInfo(ownership_entity_refs)

    def factory(self, ownership_entity_refs: Sequence[str] | None = None) -> ServiceFactory[UserInfoService]:
        """Returns a factory of the working service; the argument as there."""
        return service_factory_of(self.ref, MockUserInfo(ownership_entity_refs))

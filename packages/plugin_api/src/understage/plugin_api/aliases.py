"""Aliases by which plugins ask for the core services: `async def init(logger: Logger) -> None`."""

from typing import Annotated

from understage.config import Config
from understage.plugin_api import core_services
from understage.plugin_api.services.actions import ActionsRegistryService, ActionsService
from understage.plugin_api.services.auditor import AuditorService
from understage.plugin_api.services.auth import AuthService, HttpAuthService, UserInfoService
from understage.plugin_api.services.cache import CacheService
from understage.plugin_api.services.database import DatabaseService
from understage.plugin_api.services.discovery import DiscoveryService
from understage.plugin_api.services.events import EventsService
from understage.plugin_api.services.health import RootHealthService
from understage.plugin_api.services.http_client import RootHttpClientService
from understage.plugin_api.services.http_router import HttpRouterService, RootHttpRouterService
from understage.plugin_api.services.lifecycle import LifecycleService, RootLifecycleService
from understage.plugin_api.services.logger import LoggerService, RootLoggerService
from understage.plugin_api.services.metadata import (
    PluginMetadataService,
    RootInstanceMetadataService,
    RootSystemMetadataService,
)
from understage.plugin_api.services.metrics import MetricsService
from understage.plugin_api.services.permissions import PermissionsRegistryService, PermissionsService
from understage.plugin_api.services.scheduler import SchedulerService
from understage.plugin_api.services.tracing import TracingService
from understage.plugin_api.services.url_reader import UrlReaderService

Actions = Annotated[ActionsService, core_services.actions]
ActionsRegistry = Annotated[ActionsRegistryService, core_services.actions_registry]
Auditor = Annotated[AuditorService, core_services.auditor]
Auth = Annotated[AuthService, core_services.auth]
Cache = Annotated[CacheService, core_services.cache]
Database = Annotated[DatabaseService, core_services.database]
Discovery = Annotated[DiscoveryService, core_services.discovery]
Events = Annotated[EventsService, core_services.events]
HttpAuth = Annotated[HttpAuthService, core_services.http_auth]
HttpRouter = Annotated[HttpRouterService, core_services.http_router]
Lifecycle = Annotated[LifecycleService, core_services.lifecycle]
Logger = Annotated[LoggerService, core_services.logger]
Metrics = Annotated[MetricsService, core_services.metrics]
Permissions = Annotated[PermissionsService, core_services.permissions]
PermissionsRegistry = Annotated[PermissionsRegistryService, core_services.permissions_registry]
PluginMetadata = Annotated[PluginMetadataService, core_services.plugin_metadata]
RootConfig = Annotated[Config, core_services.root_config]
RootHealth = Annotated[RootHealthService, core_services.root_health]
RootHttpClient = Annotated[RootHttpClientService, core_services.root_http_client]
RootHttpRouter = Annotated[RootHttpRouterService, core_services.root_http_router]
RootInstanceMetadata = Annotated[RootInstanceMetadataService, core_services.root_instance_metadata]
RootLifecycle = Annotated[RootLifecycleService, core_services.root_lifecycle]
RootLogger = Annotated[RootLoggerService, core_services.root_logger]
RootSystemMetadata = Annotated[RootSystemMetadataService, core_services.root_system_metadata]
Scheduler = Annotated[SchedulerService, core_services.scheduler]
Tracing = Annotated[TracingService, core_services.tracing]
UrlReader = Annotated[UrlReaderService, core_services.url_reader]
UserInfoReader = Annotated[UserInfoService, core_services.user_info]

"""References of the core services: `core_services.logger` and its siblings."""

from understage.config import Config
from understage.plugin_api.references import ServiceRef, create_service_ref
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

actions: ServiceRef[ActionsService] = create_service_ref(ActionsService, id="alpha.core.actions")
actions_registry: ServiceRef[ActionsRegistryService] = create_service_ref(
    ActionsRegistryService, id="alpha.core.actionsRegistry"
)
auditor: ServiceRef[AuditorService] = create_service_ref(AuditorService, id="core.auditor")
auth: ServiceRef[AuthService] = create_service_ref(AuthService, id="core.auth")
cache: ServiceRef[CacheService] = create_service_ref(CacheService, id="core.cache")
database: ServiceRef[DatabaseService] = create_service_ref(DatabaseService, id="core.database")
discovery: ServiceRef[DiscoveryService] = create_service_ref(DiscoveryService, id="core.discovery")
events: ServiceRef[EventsService] = create_service_ref(EventsService, id="events.service")
http_auth: ServiceRef[HttpAuthService] = create_service_ref(HttpAuthService, id="core.httpAuth")
http_router: ServiceRef[HttpRouterService] = create_service_ref(HttpRouterService, id="core.httpRouter")
lifecycle: ServiceRef[LifecycleService] = create_service_ref(LifecycleService, id="core.lifecycle")
logger: ServiceRef[LoggerService] = create_service_ref(LoggerService, id="core.logger")
metrics: ServiceRef[MetricsService] = create_service_ref(MetricsService, id="alpha.core.metrics")
permissions: ServiceRef[PermissionsService] = create_service_ref(PermissionsService, id="core.permissions")
permissions_registry: ServiceRef[PermissionsRegistryService] = create_service_ref(
    PermissionsRegistryService, id="core.permissionsRegistry"
)
plugin_metadata: ServiceRef[PluginMetadataService] = create_service_ref(PluginMetadataService, id="core.pluginMetadata")
root_config: ServiceRef[Config] = create_service_ref(Config, id="core.rootConfig", scope="root")
root_health: ServiceRef[RootHealthService] = create_service_ref(RootHealthService, id="core.rootHealth", scope="root")
root_http_client: ServiceRef[RootHttpClientService] = create_service_ref(
    RootHttpClientService, id="core.rootHttpClient", scope="root"
)
root_http_router: ServiceRef[RootHttpRouterService] = create_service_ref(
    RootHttpRouterService, id="core.rootHttpRouter", scope="root"
)
root_instance_metadata: ServiceRef[RootInstanceMetadataService] = create_service_ref(
    RootInstanceMetadataService, id="core.rootInstanceMetadata", scope="root"
)
root_lifecycle: ServiceRef[RootLifecycleService] = create_service_ref(
    RootLifecycleService, id="core.rootLifecycle", scope="root"
)
root_logger: ServiceRef[RootLoggerService] = create_service_ref(RootLoggerService, id="core.rootLogger", scope="root")
root_system_metadata: ServiceRef[RootSystemMetadataService] = create_service_ref(
    RootSystemMetadataService, id="core.rootSystemMetadata", scope="root"
)
scheduler: ServiceRef[SchedulerService] = create_service_ref(SchedulerService, id="core.scheduler")
tracing: ServiceRef[TracingService] = create_service_ref(TracingService, id="alpha.core.tracing")
url_reader: ServiceRef[UrlReaderService] = create_service_ref(UrlReaderService, id="core.urlReader")
user_info: ServiceRef[UserInfoService] = create_service_ref(UserInfoService, id="core.userInfo")

"""Core services for tests: `mock_services.logger()` works, `.mock()` is all spies, `.factory()` is a feature."""

from understage.plugin_api import core_services
from understage.testing.mocks.governance_namespaces import (
    ActionsNamespace,
    ActionsRegistryNamespace,
    AuditorNamespace,
    PermissionsNamespace,
    PermissionsRegistryNamespace,
    RootSystemMetadataNamespace,
)
from understage.testing.mocks.namespaces import (
    AuthNamespace,
    CacheNamespace,
    DatabaseNamespace,
    DiscoveryNamespace,
    EventsNamespace,
    HttpAuthNamespace,
    HttpRouterNamespace,
    LifecycleNamespace,
    LoggerNamespace,
    PluginMetadataNamespace,
    RootConfigNamespace,
    RootHealthNamespace,
    RootHttpClientNamespace,
    RootHttpRouterNamespace,
    RootInstanceMetadataNamespace,
    RootLifecycleNamespace,
    RootLoggerNamespace,
    SchedulerNamespace,
    UrlReaderNamespace,
    UserInfoNamespace,
)
from understage.testing.mocks.telemetry_namespaces import MetricsNamespace, TracingNamespace

actions: ActionsNamespace = ActionsNamespace(core_services.actions)
actions_registry: ActionsRegistryNamespace = ActionsRegistryNamespace(core_services.actions_registry)
auditor: AuditorNamespace = AuditorNamespace(core_services.auditor)
auth: AuthNamespace = AuthNamespace(core_services.auth)
cache: CacheNamespace = CacheNamespace(core_services.cache)
database: DatabaseNamespace = DatabaseNamespace(core_services.database)
discovery: DiscoveryNamespace = DiscoveryNamespace(core_services.discovery)
events: EventsNamespace = EventsNamespace(core_services.events)
http_auth: HttpAuthNamespace = HttpAuthNamespace(core_services.http_auth)
http_router: HttpRouterNamespace = HttpRouterNamespace(core_services.http_router)
lifecycle: LifecycleNamespace = LifecycleNamespace(core_services.lifecycle)
logger: LoggerNamespace = LoggerNamespace(core_services.logger)
metrics: MetricsNamespace = MetricsNamespace(core_services.metrics)
permissions: PermissionsNamespace = PermissionsNamespace(core_services.permissions)
permissions_registry: PermissionsRegistryNamespace = PermissionsRegistryNamespace(core_services.permissions_registry)
plugin_metadata: PluginMetadataNamespace = PluginMetadataNamespace(core_services.plugin_metadata)
root_config: RootConfigNamespace = RootConfigNamespace(core_services.root_config)
root_health: RootHealthNamespace = RootHealthNamespace(core_services.root_health)
root_http_client: RootHttpClientNamespace = RootHttpClientNamespace(core_services.root_http_client)
root_http_router: RootHttpRouterNamespace = RootHttpRouterNamespace(core_services.root_http_router)
root_instance_metadata: RootInstanceMetadataNamespace = RootInstanceMetadataNamespace(
    core_services.root_instance_metadata
)
root_lifecycle: RootLifecycleNamespace = RootLifecycleNamespace(core_services.root_lifecycle)
root_logger: RootLoggerNamespace = RootLoggerNamespace(core_services.root_logger)
root_system_metadata: RootSystemMetadataNamespace = RootSystemMetadataNamespace(core_services.root_system_metadata)
scheduler: SchedulerNamespace = SchedulerNamespace(core_services.scheduler)
tracing: TracingNamespace = TracingNamespace(core_services.tracing)
url_reader: UrlReaderNamespace = UrlReaderNamespace(core_services.url_reader)
user_info: UserInfoNamespace = UserInfoNamespace(core_services.user_info)

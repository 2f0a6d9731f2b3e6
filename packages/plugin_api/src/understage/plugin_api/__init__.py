"""What plugin authors import: features, references, core service protocols and their aliases."""

from understage.plugin_api import core_services
from understage.plugin_api.aliases import (
    Auth,
    Database,
    Discovery,
    HttpAuth,
    HttpRouter,
    Lifecycle,
    Logger,
    PluginMetadata,
    RootConfig,
    RootHealth,
    RootHttpClient,
    RootHttpRouter,
    RootInstanceMetadata,
    RootLifecycle,
    RootLogger,
    UserInfoReader,
)
from understage.plugin_api.asgi import ASGIApp, Message, Receive, Scope, Send
from understage.plugin_api.credentials import (
    AccessRestrictions,
    Credentials,
    LimitedUserToken,
    NonePrincipal,
    Principal,
    PrincipalType,
    ServicePrincipal,
    UserInfo,
    UserPrincipal,
    is_none,
    is_service,
    is_user,
)
from understage.plugin_api.errors import DependencyDeclarationError, FeatureDeclarationError
from understage.plugin_api.factories import ServiceFactory, create_service_factory
from understage.plugin_api.features import (
    BackendFeature,
    BackendModule,
    BackendPlugin,
    FeatureLoader,
    ModuleFeature,
    PluginFeature,
    create_backend_feature_loader,
    create_backend_module,
    create_backend_plugin,
)
from understage.plugin_api.legacy import LegacyPluginEnvironment, legacy_plugin
from understage.plugin_api.location import CodeLocation
from understage.plugin_api.references import ExtensionPoint, ServiceRef, create_extension_point, create_service_ref
from understage.plugin_api.registration import (
    ExtensionPointContext,
    ModuleRegistrationPoints,
    PluginRegistrationPoints,
)
from understage.plugin_api.services.auth import AuthService, HttpAuthService, UserInfoService
from understage.plugin_api.services.database import DatabaseConnection, DatabaseService, Dialect, Row
from understage.plugin_api.services.discovery import DiscoveryService
from understage.plugin_api.services.health import HealthResponse, RootHealthService
from understage.plugin_api.services.http_client import HttpResponse, RootHttpClientService
from understage.plugin_api.services.http_router import AuthPolicyAllow, HttpRouterService, RootHttpRouterService
from understage.plugin_api.services.lifecycle import LifecycleService, RootLifecycleService
from understage.plugin_api.services.logger import LoggerService, RootLoggerService
from understage.plugin_api.services.metadata import (
    InstalledModule,
    InstalledPlugin,
    PluginMetadataService,
    RootInstanceMetadataService,
)

__all__ = [
    "ASGIApp",
    "AccessRestrictions",
    "Auth",
    "AuthPolicyAllow",
    "AuthService",
    "BackendFeature",
    "BackendModule",
    "BackendPlugin",
    "CodeLocation",
    "Credentials",
    "Database",
    "DatabaseConnection",
    "DatabaseService",
    "DependencyDeclarationError",
    "Dialect",
    "Discovery",
    "DiscoveryService",
    "ExtensionPoint",
    "ExtensionPointContext",
    "FeatureDeclarationError",
    "FeatureLoader",
    "HealthResponse",
    "HttpAuth",
    "HttpAuthService",
    "HttpResponse",
    "HttpRouter",
    "HttpRouterService",
    "InstalledModule",
    "InstalledPlugin",
    "LegacyPluginEnvironment",
    "Lifecycle",
    "LifecycleService",
    "LimitedUserToken",
    "Logger",
    "LoggerService",
    "Message",
    "ModuleFeature",
    "ModuleRegistrationPoints",
    "NonePrincipal",
    "PluginFeature",
    "PluginMetadata",
    "PluginMetadataService",
    "PluginRegistrationPoints",
    "Principal",
    "PrincipalType",
    "Receive",
    "RootConfig",
    "RootHealth",
    "RootHealthService",
    "RootHttpClient",
    "RootHttpClientService",
    "RootHttpRouter",
    "RootHttpRouterService",
    "RootInstanceMetadata",
    "RootInstanceMetadataService",
    "RootLifecycle",
    "RootLifecycleService",
    "RootLogger",
    "RootLoggerService",
    "Row",
    "Scope",
    "Send",
    "ServiceFactory",
    "ServicePrincipal",
    "ServiceRef",
    "UserInfo",
    "UserInfoReader",
    "UserInfoService",
    "UserPrincipal",
    "core_services",
    "create_backend_feature_loader",
    "create_backend_module",
    "create_backend_plugin",
    "create_extension_point",
    "create_service_factory",
    "create_service_ref",
    "is_none",
    "is_service",
    "is_user",
    "legacy_plugin",
]

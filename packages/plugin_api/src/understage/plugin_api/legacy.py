"""Takes an existing ASGI application into the backend as a plugin."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from understage.config import Config
from understage.plugin_api.aliases import (
    Auth,
    Database,
    Discovery,
    HttpAuth,
    HttpRouter,
    Lifecycle,
    Logger,
    RootConfig,
    UserInfoReader,
)
from understage.plugin_api.asgi import ASGIApp
from understage.plugin_api.features import PluginFeature
from understage.plugin_api.location import location_of
from understage.plugin_api.registration import PluginRegistrationPoints
from understage.plugin_api.services.auth import AuthService, HttpAuthService, UserInfoService
from understage.plugin_api.services.database import DatabaseService
from understage.plugin_api.services.discovery import DiscoveryService
from understage.plugin_api.services.lifecycle import LifecycleService
from understage.plugin_api.services.logger import LoggerService

LegacyAuthPolicy = Literal["default", "unauthenticated"]


@dataclass(frozen=True, slots=True)
class LegacyPluginEnvironment:
    """The services that an existing application is handed.

    Attributes:
        plugin_id: the plugin that it has become.
        logger: the plugin's logger.
        config: the backend's configuration.
        database: the plugin's database.
        discovery: finds other plugins.
        auth: issues and checks tokens.
        http_auth: tells who sends a request.
        user_info: tells more about a user.
        lifecycle: hooks around the plugin's start and stop.
    """

    plugin_id: str
    logger: LoggerService
    config: Config
    database: DatabaseService
    discovery: DiscoveryService
    auth: AuthService
    http_auth: HttpAuthService
    user_info: UserInfoService
    lifecycle: LifecycleService


CreateApp = Callable[[LegacyPluginEnvironment], ASGIApp | Awaitable[ASGIApp]]


def legacy_plugin(plugin_id: str, create_app: CreateApp, *, auth_policy: LegacyAuthPolicy = "default") -> PluginFeature:
    """Returns a plugin that serves an existing ASGI application below `/api/<plugin_id>`.

    Args:
        plugin_id: kebab-case.
        create_app: returns the application, or a coroutine that does; called once, when the plugin starts.
        auth_policy: `default` lets in users and services only; `unauthenticated` everybody, for applications that
            check their callers themselves.
    """

    def register(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(
            logger: Logger,
            config: RootConfig,
            database: Database,
            discovery: Discovery,
            auth: Auth,
            http_auth: HttpAuth,
            user_info: UserInfoReader,
            lifecycle: Lifecycle,
            http_router: HttpRouter,
        ) -> None:
            environment = LegacyPluginEnvironment(
                plugin_id=plugin_id,
                logger=logger,
                config=config,
                database=database,
                discovery=discovery,
                auth=auth,
                http_auth=http_auth,
                user_info=user_info,
                lifecycle=lifecycle,
            )
            created = create_app(environment)
            app = await created if inspect.isawaitable(created) else created
            http_router.use(app)
            if auth_policy == "unauthenticated":
                http_router.add_auth_policy(path="/", allow="unauthenticated")

    return PluginFeature(plugin_id, register, location_of(create_app))

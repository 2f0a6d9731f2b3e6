"""Creates a plugin's HTTP router and mounts it at the root."""

from understage.defaults.environment import is_development
from understage.defaults.http_router.http_router import DefaultHttpRouter
from understage.defaults.http_router.startup_pause import DEFAULT_TIMEOUT, StartupPause
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_http_router.factory import Surroundable
from understage.defaults.root_http_router.rate_limit import create_rate_limit_store, rate_limit, read_rate_limit
from understage.defaults.telemetry.switch import is_enabled
from understage.plugin_api import (
    ASGIApp,
    Auth,
    HttpAuth,
    HttpRouterService,
    Lifecycle,
    Logger,
    PluginMetadata,
    RootConfig,
    RootHttpRouter,
    RootLifecycle,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.http_router, initialization="always")
def http_router_service_factory(
    auth: Auth,
    config: RootConfig,
    http_auth: HttpAuth,
    lifecycle: Lifecycle,
    logger: Logger,
    plugin: PluginMetadata,
    root_http_router: RootHttpRouter,
    root_lifecycle: RootLifecycle,
) -> HttpRouterService:
    """Provides each plugin's HTTP router, mounted at `/api/<pluginId>`."""
    timeout = config.get_optional_duration("backend.lifecycle.startupRequestPauseTimeout")
    router = DefaultHttpRouter(
        plugin.id,
        auth=auth,
        http_auth=http_auth,
        errors=ErrorAnswers(logger, development=is_development()),
        pause=StartupPause(lifecycle, DEFAULT_TIMEOUT if timeout is None else timeout),
        barrier=not config.get_optional_boolean("backend.auth.dangerouslyDisableDefaultAuthPolicy"),
    )
    if isinstance(lifecycle, Surroundable):
        lifecycle.surround(router.lifespans)
    app: ASGIApp = router
    limit = read_rate_limit(config, plugin.id)
    if limit is not None:
        app = rate_limit(app, limit, create_rate_limit_store(limit, logger=logger, lifecycle=root_lifecycle))
    if is_enabled(config, "tracing"):
        from understage.defaults.tracing.requests import name_requests

        app = name_requests(app, plugin.id)
    root_http_router.use(f"/api/{plugin.id}", app)
    return router

"""Creates the root HTTP router and opens the port."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Literal, Protocol, runtime_checkable

from understage.config import Config
from understage.defaults.environment import is_development
from understage.defaults.root_http_router.certificates import read_tls_context
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_http_router.listening import read_listen_options
from understage.defaults.root_http_router.pipeline import RootPipeline
from understage.defaults.root_http_router.root_http_router import DefaultRootHttpRouter
from understage.defaults.root_http_router.server import HttpServer
from understage.defaults.root_http_router.server_options import read_server_options
from understage.defaults.telemetry.switch import is_enabled
from understage.plugin_api import (
    ASGIApp,
    LoggerService,
    RootConfig,
    RootHealth,
    RootHttpRouterService,
    RootLifecycle,
    RootLifecycleService,
    RootLogger,
    ServiceFactory,
    core_services,
    create_service_factory,
)


@runtime_checkable
class Surroundable(Protocol):
    """A lifecycle that can be surrounded by contexts, as the default one can."""

    def surround(self, context: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        """Enters a context before the startup hooks run and leaves it after the shutdown hooks ran."""


def root_http_router_service_factory(
    *,
    index_path: str | Literal[False] = "/api/app",
    configure: Callable[[RootPipeline], ASGIApp] | None = None,
    listen: bool = True,
) -> ServiceFactory[RootHttpRouterService]:
    """Returns a factory of the root HTTP router.

    Args:
        index_path: the mount that also answers every other path outside of `/api`; False for none.
        configure: builds the ASGI app of the server, by default `RootPipeline.default`.
        listen: whether to open a port; without one, the service's `app` can still be called.

    Raises:
        InputError: the index path is empty.
    """

    @create_service_factory(service=core_services.root_http_router)
    async def factory(
        config: RootConfig, logger: RootLogger, lifecycle: RootLifecycle, health: RootHealth
    ) -> RootHttpRouterService:
        development = is_development()
        http_logger = logger.child(service="rootHttpRouter")
        errors = ErrorAnswers(http_logger, development=development)
        router = DefaultRootHttpRouter(errors, index_path=None if index_path is False else index_path)
        pipeline = RootPipeline(router.route, config, http_logger, health, errors, development, lifecycle)
        router.app = pipeline.default() if configure is None else configure(pipeline)
        if is_enabled(config, "tracing"):
            from understage.defaults.tracing.requests import trace_requests

            router.app = trace_requests(router.app)
        if isinstance(lifecycle, Surroundable):
            lifecycle.surround(router.lifespans)
        if listen:
            await _serve(router, config, http_logger, lifecycle)
        return router

    DefaultRootHttpRouter.check_index_path(index_path)
    return factory


async def _serve(
    router: DefaultRootHttpRouter, config: Config, logger: LoggerService, lifecycle: RootLifecycleService
) -> None:
    server = HttpServer(
        router.app,
        read_listen_options(config),
        options=read_server_options(config, logger),
        tls=await asyncio.to_thread(read_tls_context, config),
        logger=logger,
    )
    delay = config.get_optional_duration("backend.lifecycle.serverShutdownDelay")
    if delay:
        lifecycle.add_before_shutdown_hook(lambda: _keep_serving(server, delay))
    await server.start()
    router.serve_with(server)
    lifecycle.add_shutdown_hook(server.stop)


async def _keep_serving(server: HttpServer, delay: timedelta) -> None:
    server.announce_stop()
    # Readiness fails from now on; load balancers need time to notice.
    await asyncio.sleep(delay.total_seconds())

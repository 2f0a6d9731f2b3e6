"""Fakes and a client for the root of the HTTP server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from tests.support.recording_logger import RecordingLogger

from understage.config import config_from_data
from understage.defaults.root_health import DefaultRootHealth
from understage.defaults.root_http_router import DefaultRootHttpRouter, RootPipeline
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_lifecycle import DefaultRootLifecycle
from understage.plugin_api import ASGIApp


@dataclass
class Root:
    """A root router with a client."""

    router: DefaultRootHttpRouter
    client: httpx2.AsyncClient
    lifecycle: DefaultRootLifecycle
    logger: RecordingLogger = field(default_factory=RecordingLogger)

    def use(self, path: str, app: ASGIApp) -> None:
        self.router.use(path, app)


@pytest.fixture
def make_root(logger: RecordingLogger) -> Callable[..., Root]:
    """Returns a function that builds a root router from configuration data."""

    def make(
        data: dict[str, Any] | None = None,
        *,
        index_path: str | None = "/api/app",
        development: bool = False,
        configure: Callable[[RootPipeline], ASGIApp] = RootPipeline.default,
        client_address: tuple[str, int] = ("192.0.2.7", 4711),
    ) -> Root:
        config = config_from_data(data or {})
        lifecycle = DefaultRootLifecycle(logger)
        errors = ErrorAnswers(logger, development=development)
        router = DefaultRootHttpRouter(errors, index_path=index_path)
        health = DefaultRootHealth(lifecycle)
        router.app = configure(RootPipeline(router.route, config, logger, health, errors, development, lifecycle))
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(router.app, client=client_address),
            base_url="http://localhost:7007",
            headers={"accept-encoding": "identity"},
        )
        return Root(router, client, lifecycle, logger)

    return make

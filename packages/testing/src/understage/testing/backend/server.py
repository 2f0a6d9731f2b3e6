"""How a test reaches its backend: in process, or through a port of this machine."""

from __future__ import annotations

from typing import Any

from understage.defaults.root_http_router.listening import ListenOptions
from understage.defaults.root_http_router.server import HttpServer
from understage.plugin_api import (
    ASGIApp,
    RootHttpRouter,
    RootLifecycle,
    RootLogger,
    ServiceFactory,
    ServiceRef,
    create_service_factory,
    create_service_ref,
)

IN_PROCESS_URL = "http://backend.test"


class TestServer:
    """The HTTP side of a test backend.

    Attributes:
        app: the backend's complete ASGI app, or None if its root HTTP router was replaced by one without.
        url: the backend's root address, without a trailing slash.
    """

    __test__ = False

    def __init__(self, app: ASGIApp | None, port: int | None = None) -> None:
        self.app = app
        self.url: str = IN_PROCESS_URL if port is None else f"http://127.0.0.1:{port}"
        self._port = port

    @property
    def is_listening(self) -> bool:
        """Whether a port is open."""
        return self._port is not None

    def port(self) -> int:
        """Returns the port that the backend listens on.

        Raises:
            RuntimeError: the backend is reached in process only.
        """
        if self._port is None:
            raise RuntimeError("the test backend has no port; start it with start_test_backend(..., listen=True)")
        return self._port


test_server_ref: ServiceRef[TestServer] = create_service_ref(TestServer, id="test.server", scope="root")


def http_side_factory(*, listen: bool) -> ServiceFactory[TestServer]:
    """Returns the factory of the HTTP side.

    Args:
        listen: whether to open a port.
    """

    @create_service_factory(service=test_server_ref)
    async def factory(router: RootHttpRouter, lifecycle: RootLifecycle, logger: RootLogger) -> TestServer:
        app: Any = getattr(router, "app", None)
        if not listen:
            return TestServer(app)
        server = HttpServer(app, ListenOptions(port=0, host="127.0.0.1"), logger=logger)
        await server.start()
        lifecycle.add_shutdown_hook(server.stop)
        return TestServer(app, server.port)

    return factory

"""Backends for tests."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from understage.plugin_api import ServiceRef
from understage.testing.backend.defaults import default_test_factories
from understage.testing.backend.http_client import create_client
from understage.testing.backend.preparation import FakeExtensionPoint, prepare_features
from understage.testing.backend.running import running_backends
from understage.testing.backend.server import TestServer, test_server_ref
from understage.wiring import Backend

if TYPE_CHECKING:
    from httpx2 import AsyncClient

T = TypeVar("T")


class TestBackend:
    """A running backend under test.

    Attributes:
        backend: the backend.
        server: its HTTP side; `server.port()` with `listen=True`.
    """

    __test__ = False

    def __init__(self, backend: Backend, server: TestServer) -> None:
        self.backend = backend
        self.server = server
        self._client: AsyncClient | None = None

    @property
    def client(self) -> AsyncClient:
        """An httpx2 client whose relative addresses start at the backend's root."""
        if self._client is None:
            self._client = create_client(self.server)
        return self._client

    @property
    def url(self) -> str:
        """The backend's root address, without a trailing slash."""
        return self.server.url

    async def service(self, ref: ServiceRef[T], plugin_id: str = "test") -> T:
        """Returns a service of the backend.

        Args:
            ref: the service.
            plugin_id: the plugin that it is for, if it is plugin-scoped.
        """
        return await self.backend.services.get(ref, plugin_id)

    async def stop(self) -> None:
        """Stops the backend; more than once does no harm."""
        running_backends.discard(self)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        await self.backend.stop()


class StartingTestBackend:
    """What `start_test_backend` returns: `async with` stops the backend at the end, `await` leaves it running."""

    def __init__(
        self, features: Iterable[Any], extension_points: Sequence[FakeExtensionPoint], *, listen: bool
    ) -> None:
        self._features = list(features)
        self._extension_points = list(extension_points)
        self._listen = listen
        self._started: TestBackend | None = None

    def __await__(self) -> Generator[Any, None, TestBackend]:
        """Starts the backend; with the pytest plugin, it is stopped at the end of the test."""
        return self._start().__await__()

    async def __aenter__(self) -> TestBackend:
        """Starts the backend."""
        self._started = await self._start()
        return self._started

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops the backend."""
        if self._started is not None:
            await self._started.stop()

    async def _start(self) -> TestBackend:
        backend = Backend(default_test_factories(listen=self._listen), process_handlers=False)
        for feature in await prepare_features(self._features, self._extension_points):
            backend.add(feature)
        try:
            await backend.start()
            started = TestBackend(backend, await backend.services.get(test_server_ref))
        except BaseException:
            await backend.stop()
            raise
        running_backends.add(started)
        return started


def start_test_backend(
    *,
    features: Iterable[Any] = (),
    extension_points: Sequence[FakeExtensionPoint] = (),
    listen: bool = False,
) -> StartingTestBackend:
    """Starts a backend with the features under test; everything that it lacks is mocked or real as suits a test.

    Modules whose plugin is not among the features get an empty plugin.

    Args:
        features: whatever `backend.add` takes, and mocks of `mock_services.<name>.mock()`.
        extension_points: pairs of an extension point and a fake of it, for modules without their plugin.
        listen: whether to open a port of this machine, which streams and outside programs need; else the backend is
            reached in process.

    Returns:
        `async with start_test_backend(...) as backend` gives a `TestBackend` and stops it;
        `backend = await start_test_backend(...)` leaves that to `backend.stop()` or the pytest plugin.

    Raises:
        InputError: no module under test consumes one of the extension points.
        BackendStartupError: the backend did not start.
    """
    return StartingTestBackend(features, extension_points, listen=listen)

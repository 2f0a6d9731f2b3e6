"""The backend: features go in, a running system comes out."""

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from understage.plugin_api import LoggerService, ServiceFactory
from understage.plugin_api.location import caller_location
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.declare.addable import AddableFeature, Added
from understage.wiring.declare.records import Origin
from understage.wiring.errors import BackendStateError, ReservedServiceError
from understage.wiring.graph.defaults import LazyFactory
from understage.wiring.graph.providers import BUILT_IN_PER_PLUGIN
from understage.wiring.report.build import ReportSources, build_report
from understage.wiring.report.log import log_report
from understage.wiring.report.model import StartReport
from understage.wiring.report.standard_logger import StandardLogger
from understage.wiring.start.extension_points import ExtensionPointMiddleware
from understage.wiring.start.preparation import Preparation, prepare
from understage.wiring.start.results import StartResult
from understage.wiring.start.sequence import StartSequence
from understage.wiring.start.timings import Timings
from understage.wiring.stop.instances import register_instance, unregister_instance
from understage.wiring.stop.process_handlers import ProcessHandlers
from understage.wiring.stop.shutdown import shut_down

State = Literal["new", "inspected", "starting", "started", "failed", "stopping", "stopped"]


class Backend:
    """A backend. Plugins, modules, services and feature loaders are added, and then it starts.

    Args:
        default_service_factories: what provides services unless something else was added for them.
        extension_point_factory_middleware: what replaces the instances of extension points that modules receive.
        process_handlers: whether exceptions that nobody caught are logged, for as long as the backend runs.
        start_listeners: called with the backend and the report of its start, once that is over, whatever came of it.

    Raises:
        DuplicateServiceError: two defaults provide the same service.
        ServiceCycleError: the defaults wait for each other.
    """

    def __init__(
        self,
        default_service_factories: Sequence[ServiceFactory[Any] | LazyFactory] = (),
        *,
        extension_point_factory_middleware: Sequence[ExtensionPointMiddleware[Any]] = (),
        process_handlers: bool = True,
        start_listeners: Sequence[Callable[["Backend", StartReport], Awaitable[None]]] = (),
    ) -> None:
        self._registry = ServiceRegistry(default_service_factories)
        self._middleware = tuple(extension_point_factory_middleware)
        self._use_process_handlers = process_handlers
        self._start_listeners = tuple(start_listeners)
        self._added: list[Added] = []
        self._only: list[str] | None = None
        self._state: State = "new"
        self._settled = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._preparation: Preparation | None = None
        self._timings = Timings()
        self._handlers: ProcessHandlers | None = None
        self._fallback_logger: LoggerService = StandardLogger()
        self._result: StartResult | None = None

    @property
    def state(self) -> State:
        """How far the backend has come."""
        return self._state

    @property
    def logger(self) -> LoggerService:
        """The backend's own logger: the root logger as soon as it exists."""
        return self._fallback_logger

    @property
    def services(self) -> ServiceRegistry:
        """The backend's services, for tests and tools."""
        return self._registry

    @property
    def result(self) -> StartResult | None:
        """What became of the start, once it is over."""
        return self._result

    def add(self, feature: AddableFeature) -> None:
        """Adds a feature.

        Args:
            feature: a plugin, module, service factory or feature loader; a module object with the attribute `feature`;
                a function without arguments that returns a feature; the import name of one, `package.module` or
                `package.module:attribute`, imported at start; or an awaitable of any of these.

        Raises:
            BackendStateError: the backend was started or stopped already.
            ReservedServiceError: the feature provides a service that is built in.
        """
        location = caller_location()
        if self._state != "new":
            raise BackendStateError(
                f"a feature cannot be added: the backend is {self._state}   ({location})",
                hint="add all features before start(); a feature loader finds further ones during it",
            )
        if isinstance(feature, ServiceFactory) and feature.service.id == BUILT_IN_PER_PLUGIN:
            raise ReservedServiceError(feature.service.id, feature.location)
        self._added.append(Added(feature, Origin(location)))

    def run_only(self, plugin_ids: Iterable[str]) -> None:
        """Leaves all other plugins out, with their modules; services are there as ever.

        Args:
            plugin_ids: the plugins that this process runs; one that nobody adds fails the start.

        Raises:
            BackendStateError: the backend was started or stopped already.
        """
        if self._state != "new":
            raise BackendStateError(
                f"plugins cannot be left out: the backend is {self._state}",
                hint="call run_only() before start()",
            )
        self._only = list(dict.fromkeys(plugin_ids))

    async def start(self) -> StartResult:
        """Starts the backend: validates everything, creates root services, starts all plugins at once.

        Returns:
            What became of each plugin and module.

        Raises:
            BackendStartupError: something failed whose failure is not permitted; its `result` tells all.
            BackendStateError: the backend was started or stopped already.
        """
        if self._state not in ("new", "inspected"):
            raise BackendStateError(
                f"the backend cannot be started: it is {self._state} already",
                hint="create a new backend for each start",
            )
        self._state = "starting"
        register_instance(self)
        try:
            result = await self._start()
        except BaseException:
            self._state = "failed"
            raise
        finally:
            self._settled.set()
        self._state = "started"
        return result

    async def inspect(self) -> StartReport:
        """Imports, loads, registers and validates everything, without starting anything, and tells what is there.

        A backend that was inspected can still be started, but takes no more features. Of a backend that has started
        the report has times. Feature loaders may have created services: call `stop()` if it is not started.
        """
        if self._state == "new":
            self._state = "inspected"
        return build_report(ReportSources(await self._prepare(), self._registry, self._timings, self._result))

    async def stop(self) -> None:
        """Stops the backend; before its start this only prevents that. A second call waits for the first.

        Raises:
            ExceptionGroup: the root lifecycle failed in shutting down.
        """
        if self._state == "new":
            self._state = "stopped"
            self._close_coroutines()
            return
        if self._state == "stopped" and self._stopping is None:
            return
        if self._state == "inspected":
            self._settled.set()
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    def run(self) -> None:
        """Runs the backend until SIGTERM or SIGINT comes; exits the process with an error if it fails.

        Raises:
            SystemExit: the start failed, or something did not stop cleanly.
        """
        from understage.wiring.start.garbage import look_rarely, spare_what_is_there
        from understage.wiring.stop.running import run_backend

        look_rarely()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            code = runner.run(run_backend(self, on_started=spare_what_is_there))
            if code:
                # What was given up is torn down in any order now; its complaints would bury the reason.
                runner.get_loop().set_exception_handler(lambda _loop, _context: None)
        if code:
            sys.exit(code)

    async def __aenter__(self) -> Self:
        """Starts the backend; what was started is stopped again if that fails."""
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops the backend."""
        await self.stop()

    async def _start(self) -> StartResult:
        self._timings = Timings()
        preparation = await self._prepare()
        self._timings.prepared = preparation.ended
        sequence = StartSequence(
            registry=self._registry,
            preparation=preparation,
            middleware=self._middleware,
            timings=self._timings,
            fallback_logger=self._fallback_logger,
            on_logger=self._use_logger,
        )
        try:
            return await sequence.run()
        finally:
            self._result = sequence.result
            report = await self.inspect()
            log_report(self.logger, report)
            await self._tell(report)

    async def _tell(self, report: StartReport) -> None:
        for listener in self._start_listeners:
            try:
                await listener(self, report)
            except Exception as error:  # noqa: BLE001 - who only looks on must not change how the start ends
                self.logger.warning("Somebody who was to be told of the start has failed", error=error)

    async def _prepare(self) -> Preparation:
        if self._preparation is None:
            self._preparation = await prepare(self._registry, self._added, self._only)
        return self._preparation

    async def _stop(self) -> None:
        await self._settled.wait()
        self._state = "stopping"
        plugin_ids = self._preparation.plan.plugins if self._preparation else ()
        try:
            await shut_down(self._registry, plugin_ids, self.logger)
        finally:
            self._state = "stopped"
            unregister_instance(self)
            if self._handlers is not None:
                self._handlers.remove()

    def _use_logger(self, logger: LoggerService) -> None:
        self._fallback_logger = logger
        if self._use_process_handlers:
            self._handlers = ProcessHandlers(logger)
            self._handlers.install()

    def _close_coroutines(self) -> None:
        for added in self._added:
            if inspect.iscoroutine(added.value):
                added.value.close()


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

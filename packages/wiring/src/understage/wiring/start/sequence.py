"""The start itself, once everything is prepared."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from understage.plugin_api import LoggerService, core_services
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.errors import BackendStartupError, UnexpectedStartupError
from understage.wiring.graph.plan import PluginPlan
from understage.wiring.start.extension_points import ExtensionPointBuilder, ExtensionPointMiddleware
from understage.wiring.start.failures import FailureLog
from understage.wiring.start.lifecycles import root_lifecycle
from understage.wiring.start.plugins import PluginStarter
from understage.wiring.start.policy import BootFailurePolicy, read_policy
from understage.wiring.start.preparation import Preparation
from understage.wiring.start.progress import StartProgress
from understage.wiring.start.results import ResultCollector, StartFailure, StartResult
from understage.wiring.start.timings import Timings


class StartSequence:
    """Takes a prepared backend through its start.

    Args:
        registry: the services.
        preparation: what is to be started.
        middleware: what wraps extension points.
        timings: takes how long the steps took.
        fallback_logger: where to log as long as, or if, there is no root logger.
        on_logger: called with the logger as soon as it exists.

    Attributes:
        result: what became of the start, once it is over.
    """

    def __init__(
        self,
        *,
        registry: ServiceRegistry,
        preparation: Preparation,
        middleware: Sequence[ExtensionPointMiddleware[Any]],
        timings: Timings,
        fallback_logger: LoggerService,
        on_logger: Callable[[LoggerService], None],
    ) -> None:
        self._registry = registry
        self._preparation = preparation
        self._middleware = middleware
        self._timings = timings
        self._logger = fallback_logger
        self._on_logger = on_logger
        self._policy = BootFailurePolicy()
        self._results = ResultCollector(self._permits, self._on_failure)
        self.result: StartResult | None = None

    async def run(self) -> StartResult:
        """Starts everything and returns the result.

        Raises:
            UnexpectedStartupError: something failed that belongs to no plugin or module.
            BackendStartupError: a plugin or module failed whose failure is not permitted.
        """
        errors: list[BaseException] = list(self._preparation.errors)
        errors.extend(await self._begin(quietly=bool(errors)))
        for failure in self._preparation.failures:
            self._record(failure.error, failure.plugin_id or "", failure.module_id)
        if not errors:
            errors.extend(await self._create_root_services())
        if errors:
            self._finish()
            raise UnexpectedStartupError(self._result(), errors)
        await self._start_plugins()
        self._timings.plugins = time.perf_counter()
        result = self._results.finish()
        self.result = result
        if result.outcome == "failure":
            self._finish()
            raise BackendStartupError(result)
        await self._run_root_hooks()
        self._finish()
        return result

    async def _begin(self, *, quietly: bool) -> list[BaseException]:
        """Creates the logger and reads the policy; if the start is doomed already, their failure adds nothing."""
        try:
            if self._registry.providers.of(core_services.root_logger):
                root_logger = await self._registry.get(core_services.root_logger)
                self._logger = root_logger.child(type="initialization")
                self._on_logger(root_logger)
            if self._registry.providers.of(core_services.root_config):
                self._policy = read_policy(await self._registry.get(core_services.root_config))
        except Exception as error:  # noqa: BLE001 - whatever a service factory raises aborts the start
            return [] if quietly else [error]
        return []

    async def _create_root_services(self) -> list[BaseException]:
        eager = [provider for provider in self._registry.providers if provider.is_root and provider.is_eager]
        try:
            await self._registry.create_eagerly(eager, None, "the backend")
        except Exception as error:  # noqa: BLE001 - whatever a service factory raises aborts the start
            return [error]
        finally:
            self._timings.root_services = time.perf_counter()
        return []

    async def _start_plugins(self) -> None:
        plan = self._preparation.plan
        starter = PluginStarter(
            registry=self._registry,
            extension_points=ExtensionPointBuilder(plan.extension_points, self._middleware),
            results=self._results,
            timings=self._timings,
            eager=[provider for provider in self._registry.providers if not provider.is_root and provider.is_eager],
            logger=self._logger,
        )
        progress = StartProgress(self._logger, plan.plugins)
        telling = asyncio.create_task(progress.tell())
        try:
            async with asyncio.TaskGroup() as group:
                for plugin in plan.plugins.values():
                    group.create_task(_start_and_tell(starter, plugin, progress))
        finally:
            telling.cancel()

    async def _run_root_hooks(self) -> None:
        try:
            lifecycle = await root_lifecycle(self._registry)
            if lifecycle is not None:
                await lifecycle.startup()
        except Exception as error:
            self._finish()
            raise UnexpectedStartupError(self._result(), [error]) from error

    def _record(self, error: BaseException, plugin_id: str, module_id: str | None) -> None:
        if module_id is None:
            self._results.plugin(plugin_id, error)
        else:
            self._results.module(plugin_id, module_id, error)

    def _permits(self, plugin_id: str, module_id: str | None) -> bool:
        return self._policy.permits(plugin_id, module_id)

    def _on_failure(self, plugin_id: str, module_id: str | None, failure: StartFailure) -> None:
        FailureLog(self._logger).write(plugin_id, module_id, failure)

    def _result(self) -> StartResult:
        result = self._results.finish()
        self.result = StartResult(result.begin_at, result.result_at, "failure", result.plugins)
        return self.result

    def _finish(self) -> None:
        self._timings.ended = time.perf_counter()


async def _start_and_tell(starter: PluginStarter, plugin: PluginPlan, progress: StartProgress) -> None:
    await starter.start(plugin)
    progress.done(plugin.plugin_id)

"""Starts one plugin: its services, its modules, its init, its hooks."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from understage.plugin_api import LoggerService, ServiceRef
from understage.plugin_api.references import Reference
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.declare.records import Registration
from understage.wiring.graph.plan import PluginPlan
from understage.wiring.graph.providers import Provider
from understage.wiring.start.extension_points import ExtensionPointBuilder, ModuleContext
from understage.wiring.start.lifecycles import plugin_lifecycle
from understage.wiring.start.results import ResultCollector
from understage.wiring.start.timings import Timing, Timings


class PluginStarter:
    """Starts plugins; what fails is recorded and stops nothing else.

    Args:
        registry: the services.
        extension_points: builds what modules receive.
        results: takes what became of each plugin and module.
        timings: takes how long it took.
        eager: plugin-scoped factories that are created for every plugin.
        logger: for late failure reports.
    """

    def __init__(
        self,
        *,
        registry: ServiceRegistry,
        extension_points: ExtensionPointBuilder,
        results: ResultCollector,
        timings: Timings,
        eager: Sequence[Provider],
        logger: LoggerService,
    ) -> None:
        self._registry = registry
        self._extension_points = extension_points
        self._results = results
        self._timings = timings
        self._eager = eager
        self._logger = logger

    async def start(self, plugin: PluginPlan) -> None:
        """Starts a plugin and records its result."""
        plugin_id = plugin.plugin_id
        timing = self._timings.of(plugin_id)
        with timing.whole():
            try:
                await self._start(plugin, timing)
            except asyncio.CancelledError as error:
                self._results.plugin(plugin_id, _stray(error))
            except Exception as error:  # noqa: BLE001 - one plugin's failure must not stop the others
                self._results.plugin(plugin_id, error)

    async def _start(self, plugin: PluginPlan, timing: Timing) -> None:
        registration = plugin.registration
        with timing.step("services"):
            await self._registry.create_eagerly(self._eager, plugin.plugin_id, registration.owner)
        with timing.step("modules") if plugin.modules else nullcontext():
            await self._run_modules(plugin)
        await self._run_init(registration, timing)
        with timing.step("hooks"):
            lifecycle = await plugin_lifecycle(self._registry, plugin.plugin_id)
            self._results.plugin(plugin.plugin_id)
            if lifecycle is not None:
                await lifecycle.startup()

    async def _run_modules(self, plugin: PluginPlan) -> None:
        finished = {module_id: asyncio.Event() for module_id in plugin.modules}
        async with asyncio.TaskGroup() as group:
            for module_id in plugin.modules:
                group.create_task(self._run_module(plugin, module_id, finished))

    async def _run_module(self, plugin: PluginPlan, module_id: str, finished: Mapping[str, asyncio.Event]) -> None:
        module = plugin.modules[module_id]
        for consumer in plugin.waits_for.get(module_id, ()):
            await finished[consumer].wait()
        timing = self._timings.of(plugin.plugin_id, module_id)
        try:
            with timing.whole():
                await self._run_init(module, timing)
            self._results.module(plugin.plugin_id, module_id)
        except asyncio.CancelledError as error:
            self._results.module(plugin.plugin_id, module_id, _stray(error))
        except Exception as error:  # noqa: BLE001 - a module's failure stops neither its siblings nor its plugin
            self._results.module(plugin.plugin_id, module_id, error)
        finally:
            finished[module_id].set()

    async def _run_init(self, registration: Registration, timing: Timing) -> None:
        init = registration.init
        if init is None:
            return
        with timing.step("services"):
            arguments = await self._arguments(registration)
        with timing.step("init"):
            await init(**arguments)

    async def _arguments(self, registration: Registration) -> dict[str, Any]:
        context: ModuleContext | None = None
        if registration.module_id is not None:
            context = ModuleContext(registration.plugin_id, registration.module_id, self._results, self._logger)
        return {name: await self._argument(ref, registration, context) for name, ref in registration.deps.items()}

    async def _argument(self, ref: Reference, registration: Registration, context: ModuleContext | None) -> Any:
        if isinstance(ref, ServiceRef):
            return await self._registry.get(ref, registration.plugin_id, requested_by=registration.owner)
        if context is None:  # validation has refused such plugins already
            raise TypeError(f"{registration.owner} asks for {ref}")
        return await self._extension_points.build(ref, context)


def _stray(error: asyncio.CancelledError) -> BaseException:
    # A cancellation that nobody asked this task for comes out of something that it awaited: that is its failure.
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise error
    failure = RuntimeError("it awaited something that was cancelled")
    failure.__cause__ = error
    return failure

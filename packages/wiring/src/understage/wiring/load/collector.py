"""Sorts features into services, plugins, modules and loaders, and runs the loaders."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from understage.plugin_api import FeatureLoader, ModuleFeature, PluginFeature, ServiceFactory
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.declare.addable import Added, resolve_feature
from understage.wiring.declare.records import Failure, Origin, ResolvedFeature
from understage.wiring.errors import DuplicateServiceError, WiringError
from understage.wiring.load.discovered import DiscoveredFeature
from understage.wiring.load.running import run_loader


@dataclass(frozen=True, slots=True)
class LoaderRun:
    """A feature loader that ran.

    Attributes:
        loader: the place where it was declared, by which it is known.
        seconds: how long it took.
        found: how many features it returned.
        ignored: services that it offered in vain, because they were added explicitly.
    """

    loader: str
    seconds: float
    found: int
    ignored: tuple[str, ...]


class FeatureCollector:
    """Takes in features, those of loaders included.

    Args:
        registry: where services are added, and where loaders get theirs from.

    Attributes:
        features: plugins and modules, in order.
        failures: what is no feature, and services that cannot be added.
        runs: the loaders that ran.
    """

    def __init__(self, registry: ServiceRegistry) -> None:
        self._registry = registry
        self._present: set[tuple[str, ...]] = set()
        self._discovered: dict[tuple[str, ...], object] = {}
        self.features: list[ResolvedFeature] = []
        self.failures: list[Failure] = []
        self.runs: list[LoaderRun] = []

    async def collect(self, added: Sequence[Added]) -> None:
        """Resolves what was added, in order, and then runs the loaders among it, one at a time.

        Loaders do not run if something that was added is broken.

        Args:
            added: what was added to the backend.
        """
        loaders: list[FeatureLoader] = []
        for item in added:
            resolved = await resolve_feature(item)
            if isinstance(resolved, Failure):
                self.failures.append(resolved)
            elif isinstance(resolved.feature, FeatureLoader):
                loaders.append(resolved.feature)
                self._present.add(_identity(resolved.feature))
            elif isinstance(resolved.feature, ServiceFactory):
                self._try(partial(self._registry.providers.add, resolved.feature))
            else:
                self._keep(resolved)
        self._try(self._registry.providers.check_cycles)
        if all(failure.plugin_id is not None for failure in self.failures):
            try:
                await self._run_loaders(loaders)
            except WiringError as error:
                self.failures.append(Failure(error))

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - reported with all other problems of the start
            self.failures.append(Failure(error))

    def _keep(self, resolved: ResolvedFeature) -> None:
        self.features.append(resolved)
        self._present.add(_identity(resolved.feature))

    async def _run_loaders(self, loaders: Sequence[FeatureLoader]) -> None:
        supplied: dict[str, str] = {}
        for loader in loaders:
            started = time.perf_counter()
            values = await run_loader(loader, self._registry)
            nested, ignored = await self._take_in(loader, values, supplied)
            seconds = time.perf_counter() - started
            self.runs.append(LoaderRun(str(loader.location), seconds, len(values), tuple(ignored)))
            self._registry.providers.check_cycles()
            await self._run_loaders(nested)

    async def _take_in(
        self, loader: FeatureLoader, values: Sequence[object], supplied: dict[str, str]
    ) -> tuple[list[FeatureLoader], list[str]]:
        nested: list[FeatureLoader] = []
        ignored: list[str] = []
        name = str(loader.location)
        for value in values:
            discovered = value if isinstance(value, DiscoveredFeature) else None
            origin = Origin(loader.location, loader=name)
            resolved = await resolve_feature(Added(discovered.value if discovered else value, origin))
            if isinstance(resolved, Failure):
                self.failures.append(resolved)
            elif discovered is not None and self._is_present(resolved, discovered.value):
                discovered.on_skipped()
            elif isinstance(resolved.feature, FeatureLoader):
                nested.append(resolved.feature)
            elif isinstance(resolved.feature, ServiceFactory):
                if not self._add_loaded_service(resolved.feature, name, supplied):
                    ignored.append(resolved.feature.service.id)
            else:
                self._keep(resolved)
        return nested, ignored

    def _add_loaded_service(self, factory: ServiceFactory[Any], loader: str, supplied: dict[str, str]) -> bool:
        service_id = factory.service.id
        if factory.service.multiton:
            self._registry.providers.add(factory, "loader", loader=loader)
            return True
        if service_id in supplied:
            raise DuplicateServiceError(
                service_id,
                f"feature loader at {supplied[service_id]}",
                f"feature loader at {loader}",
                hint="add the one that you want with backend.add(), which wins over loaders",
            )
        if self._registry.providers.has_been_added(service_id):
            return False
        self._registry.providers.add(factory, "loader", loader=loader)
        supplied[service_id] = loader
        return True

    def _is_present(self, resolved: ResolvedFeature, value: object) -> bool:
        if isinstance(resolved.feature, ServiceFactory):
            return self._registry.providers.has_been_added(resolved.feature.service.id)
        identity = _identity(resolved.feature)
        earlier = self._discovered.setdefault(identity, value)
        if earlier is not value:
            return earlier == value  # two packages that announce the same plugin are a duplicate, and shall fail
        return identity in self._present


def _identity(feature: object) -> tuple[str, ...]:
    if isinstance(feature, PluginFeature):
        return ("plugin", feature.plugin_id)
    if isinstance(feature, ModuleFeature):
        return ("module", feature.plugin_id, feature.module_id)
    return ("other", str(id(feature)))

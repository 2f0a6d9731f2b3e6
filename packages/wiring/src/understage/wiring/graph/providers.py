"""Service factories by what they provide, and which of them wins."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from understage.plugin_api import CodeLocation, ServiceFactory, ServiceRef, core_services
from understage.plugin_api.dependencies import FactoryDependencies
from understage.plugin_api.references import Reference
from understage.wiring.errors import (
    DuplicateServiceError,
    ReservedServiceError,
    ServiceCycleError,
    ServiceInUseError,
)
from understage.wiring.graph.cycles import find_cycles
from understage.wiring.graph.defaults import LazyFactory, load_default_factory, try_import

Source = Literal["default", "explicit", "loader", "reference", "built-in"]
BUILT_IN_PER_PLUGIN = core_services.plugin_metadata.id


@dataclass(slots=True, eq=False)
class Provider:
    """A service factory in use.

    Attributes:
        factory: the factory.
        source: how it came in: a default of the backend, added, found by a feature loader, the default of its
            reference, or built in.
        loader: the place of the feature loader that found it.
        overrides: what it replaced.
    """

    factory: ServiceFactory[Any]
    source: Source
    loader: str | None = None
    overrides: "Provider | LazyFactory | None" = None
    _dependencies: FactoryDependencies | None = field(default=None, repr=False)

    @property
    def service(self) -> ServiceRef[Any]:
        """The service that it provides."""
        return self.factory.service

    @property
    def is_root(self) -> bool:
        """Whether there is one instance for the whole backend."""
        return self.factory.service.scope == "root"

    @property
    def is_eager(self) -> bool:
        """Whether it is created at start even if nobody asks: root services unless lazy, plugin services if always."""
        if self.is_root:
            return self.factory.initialization != "lazy"
        return self.factory.initialization == "always"

    @property
    def location(self) -> CodeLocation:
        """Where the factory was declared."""
        return self.factory.location

    def dependencies(self) -> FactoryDependencies:
        """Returns what the factory and its root context ask for; read once.

        Raises:
            DependencyDeclarationError: a parameter has no usable annotation.
        """
        if self._dependencies is None:
            self._dependencies = self.factory.dependencies()
        return self._dependencies

    def needs(self) -> list[Reference]:
        """Returns all references that it asks for, those of the root context first."""
        dependencies = self.dependencies()
        return [*dependencies.root_context.values(), *dependencies.factory.values()]

    def service_needs(self) -> list[ServiceRef[Any]]:
        """Returns the services among what it asks for."""
        return [ref for ref in self.needs() if isinstance(ref, ServiceRef)]

    def describe(self) -> str:
        """Returns how it came in and where it stands, for messages."""
        how = {
            "default": "a default of the backend",
            "explicit": "added to the backend",
            "loader": f"found by the feature loader at {self.loader}",
            "reference": "the default of its reference",
            "built-in": "built in",
        }[self.source]
        return f"{self.location} ({how})"


class Providers:
    """All service factories of a backend: added ones before those of loaders, then defaults, then references' own.

    Args:
        defaults: the backend's default factories.

    Raises:
        DuplicateServiceError: two defaults provide the same service.
        ReservedServiceError: a default provides what is built in.
        ServiceCycleError: the defaults wait for each other.
    """

    def __init__(self, defaults: Iterable[ServiceFactory[Any] | LazyFactory] = ()) -> None:
        self._registered: dict[str, list[Provider]] = {}
        self._added: set[str] = set()
        self._asked: set[str] = set()
        self._reference_defaults: dict[str | int, list[Provider]] = {}
        self._lazy: dict[str, LazyFactory] = {}
        for factory in defaults:
            if isinstance(factory, LazyFactory):
                self._add_lazy(factory)
            else:
                self._register(Provider(factory, "default"))
        self.check_cycles()

    def add(self, factory: ServiceFactory[Any], source: Source = "explicit", *, loader: str | None = None) -> Provider:
        """Adds a factory; it replaces a default of the same service.

        Raises:
            DuplicateServiceError: the service was added already and is no multiton.
            ReservedServiceError: the service is built in.
            ServiceInUseError: somebody has asked for the service already.
        """
        service_id = factory.service.id
        if service_id in self._asked:
            raise ServiceInUseError(service_id, factory.location)
        provider = Provider(factory, source, loader)
        if service_id in self._added and not factory.service.multiton:
            first = self._registered[service_id][0]
            if source == "built-in":
                raise ReservedServiceError(service_id, first.location)
            raise DuplicateServiceError(service_id, first.describe(), provider.describe())
        self._register(provider)
        self._added.add(service_id)
        return provider

    def has_been_added(self, service_id: str) -> bool:
        """Tells whether a service is provided by more than the backend's defaults."""
        return service_id in self._added

    def mark_asked(self, service_id: str) -> None:
        """Notes that a service is in use, so that its factory can no longer change."""
        self._asked.add(service_id)

    def of(self, ref: ServiceRef[Any]) -> Sequence[Provider]:
        """Returns what provides a service: one provider, several of a multiton, or none.

        Raises:
            ServiceCreationError: the reference's default factory cannot be loaded.
        """
        if ref.id in self._lazy:
            self._register(Provider(self._lazy[ref.id].load(), "default"))
            del self._lazy[ref.id]
        registered = self._registered.get(ref.id)
        if registered is not None:
            return registered
        default = ref.default_factory
        if default is None:
            return ()
        key = default if isinstance(default, str) else id(default)
        loaded = self._reference_defaults.get(key)
        if loaded is None:
            loaded = self._reference_defaults[key] = [Provider(load_default_factory(ref), "reference")]
        return loaded

    def can_provide(self, ref: ServiceRef[Any]) -> bool:
        """Tells whether one may ask for a service; of a multiton one may even if nobody provides it.

        Raises:
            ServiceCreationError: the reference's default factory cannot be loaded.
        """
        return ref.id == BUILT_IN_PER_PLUGIN or ref.multiton or bool(self.of(ref))

    async def ensure_loaded(self, refs: Iterable[Reference]) -> None:
        """Imports, in a thread, the default factories that `refs` and whatever they lead to need.

        What cannot be imported is left alone; `of` raises for it.
        """
        seen: set[str] = set()
        pending = list(refs)
        while pending:
            ref = pending.pop()
            if not isinstance(ref, ServiceRef) or ref.id in seen:
                continue
            seen.add(ref.id)
            module = self._module_to_import(ref)
            if module is not None and module not in sys.modules:
                await asyncio.to_thread(try_import, module)
            try:
                pending.extend(need for provider in self.of(ref) for need in provider.needs())
            except Exception:  # noqa: BLE001, S112 - validation asks again and reports it to whoever needs it
                continue

    def __iter__(self) -> Iterator[Provider]:
        """Iterates over registered providers in order; an override stands where its default stood."""
        for providers in self._registered.values():
            yield from providers

    def reference_defaults(self) -> Iterator[Provider]:
        """Iterates over the references' own defaults that were needed."""
        for providers in self._reference_defaults.values():
            yield from providers

    def check_cycles(self) -> None:
        """Checks that registered factories do not wait for each other.

        Raises:
            ServiceCycleError: they do.
            DependencyDeclarationError: a factory's parameters do not say what to pass.
        """
        edges = {
            service_id: [need.id for provider in providers for need in provider.needs() if need.id in self._registered]
            for service_id, providers in self._registered.items()
        }
        cycles = find_cycles(edges)
        if cycles:
            raise ServiceCycleError(
                [[(service_id, self._registered[service_id][0].location) for service_id in cycle] for cycle in cycles]
            )

    def _module_to_import(self, ref: ServiceRef[Any]) -> str | None:
        if ref.id in self._lazy:
            return self._lazy[ref.id].module
        if ref.id in self._registered:
            return None
        default = ref.default_factory
        return default.partition(":")[0] if isinstance(default, str) else None

    def _add_lazy(self, factory: LazyFactory) -> None:
        service_id = factory.service.id
        if service_id in self._registered or service_id in self._lazy:
            earlier = self._lazy[service_id] if service_id in self._lazy else self._registered[service_id][0]
            raise _duplicate_default(service_id, earlier, factory)
        self._lazy[service_id] = factory

    def _register(self, provider: Provider) -> None:
        service_id = provider.service.id
        if service_id == BUILT_IN_PER_PLUGIN:
            raise ReservedServiceError(service_id, provider.location)
        present = self._registered.setdefault(service_id, [])
        if provider.source != "default" and not provider.service.multiton:
            provider.overrides = self._lazy.pop(service_id, None)
        if provider.service.multiton or not present:
            present.append(provider)
            return
        if provider.source == "default":
            raise _duplicate_default(service_id, present[0], provider)
        provider.overrides = present[0]
        present[0] = provider


def _duplicate_default(
    service_id: str, first: Provider | LazyFactory, second: Provider | LazyFactory
) -> DuplicateServiceError:
    return DuplicateServiceError(
        service_id,
        f"{first.location} (a default of the backend)",
        f"{second.location} (a default of the backend)",
        hint="give the backend one default factory for each service",
    )

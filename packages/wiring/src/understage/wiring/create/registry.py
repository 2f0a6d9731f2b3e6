"""Service instances: found, or created once."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from understage.plugin_api import ServiceFactory, ServiceRef
from understage.plugin_api.references import Reference
from understage.wiring.create.creation import Creation
from understage.wiring.errors import (
    MissingDependencyError,
    ServiceCreationError,
    ServiceCycleError,
)
from understage.wiring.graph.defaults import LazyFactory
from understage.wiring.graph.providers import BUILT_IN_PER_PLUGIN, Provider, Providers
from understage.wiring.graph.scopes import scope_violations

T = TypeVar("T")
_Key = tuple[Provider, str | None]


@dataclass(frozen=True, slots=True)
class _BuiltInPluginMetadata:
    id: str


class ServiceRegistry:
    """The services of a backend.

    Args:
        providers: what creates them; or the default factories to begin with.
    """

    def __init__(self, providers: Providers | Iterable[ServiceFactory[Any] | LazyFactory] = ()) -> None:
        self.providers: Providers = providers if isinstance(providers, Providers) else Providers(providers)
        self._instances: dict[_Key, Creation] = {}
        self._root_contexts: dict[Provider, Creation] = {}
        self._metadata: dict[str, _BuiltInPluginMetadata] = {}
        self._sound: set[Provider] = set()

    @overload
    async def get(self, ref: ServiceRef[T], plugin_id: str | None = None, *, requested_by: str = ...) -> T: ...
    @overload
    async def get(self, ref: ServiceRef[Any], plugin_id: str | None = None, *, requested_by: str = ...) -> Any: ...
    async def get(
        self, ref: ServiceRef[Any], plugin_id: str | None = None, *, requested_by: str = "the backend"
    ) -> Any:
        """Returns a service, creating it if need be; of a multiton a list.

        Args:
            ref: the service.
            plugin_id: the plugin that it is for; not needed for root-scoped services.
            requested_by: who asks, for the start-up report.

        Raises:
            MissingDependencyError: nothing provides it, or something that it needs.
            ServiceCreationError: its factory failed, or the factory of something that it needs.
        """
        return await self._get(ref, plugin_id, requested_by, None)

    def existing(self, ref: ServiceRef[T], plugin_id: str | None = None) -> T | None:
        """Returns a service if it was created without error, and creates nothing."""
        for provider in self.providers.of(ref):
            creation = self._instances.get((provider, None if provider.is_root else plugin_id))
            if creation is not None and creation.ended is not None and creation.error is None:
                instance: T = creation.outcome()
                return instance
        return None

    def creations(self) -> Iterator[tuple[Provider, Creation]]:
        """Iterates over all instances and root contexts, in the order in which they were begun."""
        for (provider, _), creation in self._instances.items():
            yield provider, creation

    def root_contexts(self) -> Iterator[tuple[Provider, Creation]]:
        """Iterates over the root contexts of plugin-scoped factories."""
        yield from self._root_contexts.items()

    async def create_eagerly(self, providers: Iterable[Provider], plugin_id: str | None, requested_by: str) -> None:
        """Creates instances one after another, in order.

        Raises:
            ServiceCreationError: one failed; those behind it are not created.
        """
        for provider in providers:
            self.providers.mark_asked(provider.service.id)
            await self._instance(provider, plugin_id, requested_by, None)

    async def _get(
        self, ref: ServiceRef[Any], plugin_id: str | None, requested_by: str, parent: Creation | None
    ) -> Any:
        if ref.id == BUILT_IN_PER_PLUGIN:
            return self._plugin_metadata(plugin_id or "")
        self.providers.mark_asked(ref.id)
        providers = self.providers.of(ref)
        if ref.multiton:
            return [await self._instance(provider, plugin_id, requested_by, parent) for provider in providers]
        if not providers:
            raise MissingDependencyError(requested_by, [ref])
        return await self._instance(providers[0], plugin_id, requested_by, parent)

    async def _instance(
        self, provider: Provider, plugin_id: str | None, requested_by: str, parent: Creation | None
    ) -> Any:
        owner = None if provider.is_root else plugin_id
        key = (provider, owner)
        creation = self._instances.get(key)
        if creation is None:
            creation = self._instances[key] = Creation(provider.service.id, owner, requested_by, parent)
            await self._run(creation, provider, owner)
        elif creation.ended is None:
            await _wait_for(creation, parent)
        return creation.outcome()

    async def _run(self, creation: Creation, provider: Provider, plugin_id: str | None) -> None:
        label = _label(provider, plugin_id)
        problem = None if provider in self._sound else self._problem(provider, plugin_id, label)
        if problem is not None:
            creation.fail(problem)
            return
        try:
            creation.succeed(await self._create(creation, provider, plugin_id, label))
        except Exception as error:  # noqa: BLE001 - kept, and raised for everybody who asks
            creation.fail(_wrapped(error, f"{label} could not be created", provider, plugin_id))
        except BaseException:
            creation.fail(_wrapped(None, f"the creation of {label} was cancelled", provider, plugin_id))
            raise

    def _problem(self, provider: Provider, plugin_id: str | None, label: str) -> BaseException | None:
        try:
            violations = scope_violations(provider)
            missing = [ref for ref in provider.service_needs() if not self.providers.can_provide(ref)]
        except Exception as error:  # noqa: BLE001 - kept, and raised for everybody who asks
            return _wrapped(error, f"{label} could not be created", provider, plugin_id)
        if violations:
            return violations[0]
        if missing:
            return MissingDependencyError(label, missing)
        self._sound.add(provider)
        return None

    async def _create(self, creation: Creation, provider: Provider, plugin_id: str | None, label: str) -> Any:
        arguments = await self._resolve(provider.dependencies().factory, plugin_id, label, creation)
        if provider.factory.create_root_context is not None:
            arguments["root_context"] = await self._root_context(provider, creation)
        result = provider.factory.factory(**arguments)
        if inspect.isawaitable(result):
            result = await result
        if result is None:
            raise TypeError(f"the factory returned None instead of the service   ({provider.location})")
        return result

    async def _root_context(self, provider: Provider, parent: Creation) -> Any:
        creation = self._root_contexts.get(provider)
        if creation is None:
            label = f"the root context of service '{provider.service.id}'"
            creation = Creation(provider.service.id, None, parent.requested_by, parent)
            self._root_contexts[provider] = creation
            await self._run_root_context(creation, provider, label)
        elif creation.ended is None:
            await _wait_for(creation, parent)
        return creation.outcome()

    async def _run_root_context(self, creation: Creation, provider: Provider, label: str) -> None:
        create = provider.factory.create_root_context
        assert create is not None  # noqa: S101 - the caller has looked
        try:
            arguments = await self._resolve(provider.dependencies().root_context, None, label, creation)
            result = create(**arguments)
            creation.succeed(await result if inspect.isawaitable(result) else result)
        except Exception as error:  # noqa: BLE001 - kept, and raised for everybody who asks
            creation.fail(_wrapped(error, f"{label} could not be created", provider, None))
        except BaseException:
            creation.fail(_wrapped(None, f"the creation of {label} was cancelled", provider, None))
            raise

    async def _resolve(
        self, needs: Mapping[str, Reference], plugin_id: str | None, label: str, creation: Creation
    ) -> dict[str, Any]:
        return {
            name: await self._get(ref, plugin_id, label, creation)
            for name, ref in needs.items()
            if isinstance(ref, ServiceRef)
        }

    def _plugin_metadata(self, plugin_id: str) -> _BuiltInPluginMetadata:
        return self._metadata.setdefault(plugin_id, _BuiltInPluginMetadata(plugin_id))


async def _wait_for(creation: Creation, waiting: Creation | None) -> None:
    chain = waiting.chain_to(creation) if waiting is not None else None
    if chain is not None:
        raise ServiceCycleError([[(service_id, None) for service_id in chain]])
    await creation.wait()


def _label(provider: Provider, plugin_id: str | None) -> str:
    name = f"service '{provider.service.id}'"
    return name if plugin_id is None else f"{name} for plugin '{plugin_id}'"


def _wrapped(cause: Exception | None, problem: str, provider: Provider, plugin_id: str | None) -> ServiceCreationError:
    return ServiceCreationError(problem, service_id=provider.service.id, plugin_id=plugin_id, cause=cause, hint=None)

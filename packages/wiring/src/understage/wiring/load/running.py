"""Runs one feature loader."""

import inspect
from collections.abc import AsyncIterable, Iterable
from typing import Any

from understage.plugin_api import FeatureLoader, ServiceRef
from understage.plugin_api.dependencies import declared_dependencies
from understage.plugin_api.references import Reference
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.errors import FeatureLoaderError


async def run_loader(loader: FeatureLoader, registry: ServiceRegistry) -> list[object]:
    """Returns what a loader finds: features, or what stands for them.

    Args:
        loader: its dependencies are root-scoped services.
        registry: where it gets them from.

    Raises:
        FeatureLoaderError: it asks for what it cannot have, or failed.
    """
    try:
        needs = declared_dependencies(loader.loader, owner="a feature loader", explicit=loader.deps)
        await registry.providers.ensure_loaded(needs.values())
        _check(loader, needs, registry)
        arguments = {
            name: await registry.get(ref, requested_by=f"feature loader at {loader.location}")
            for name, ref in needs.items()
            if isinstance(ref, ServiceRef)
        }
        return await _items(loader.loader(**arguments))
    except FeatureLoaderError:
        raise
    except Exception as error:
        raise FeatureLoaderError("failed", location=loader.location, cause=error) from error


def _check(loader: FeatureLoader, needs: dict[str, Reference], registry: ServiceRegistry) -> None:
    services = [ref for ref in needs.values() if isinstance(ref, ServiceRef)]
    for name, ref in needs.items():
        if not isinstance(ref, ServiceRef) or ref.scope != "root":
            scope = f"{ref.scope}-scoped" if isinstance(ref, ServiceRef) else "an extension point"
            raise FeatureLoaderError(
                f"depends on {ref} as '{name}', which is {scope}; a loader runs before there are plugins",
                location=loader.location,
                hint="depend on root-scoped services only, such as RootConfig or RootLogger",
            )
    missing = [ref for ref in services if not registry.providers.can_provide(ref)]
    if missing:
        raise FeatureLoaderError(
            f"cannot run: nothing provides {', '.join(map(str, missing))}",
            location=loader.location,
            hint=f"add a service factory for '{missing[0].id}'",
        )


async def _items(result: Any) -> list[object]:
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncIterable):
        return [item async for item in result]
    if isinstance(result, Iterable) and not isinstance(result, str):
        return list(result)
    raise TypeError(f"it returned {result!r}; return a list of features, or yield them")

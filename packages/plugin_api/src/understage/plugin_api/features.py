"""Features: what `backend.add` takes besides service factories: plugins, modules and feature loaders."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec

from understage.plugin_api.errors import FeatureDeclarationError
from understage.plugin_api.factories import ServiceFactory
from understage.plugin_api.location import CodeLocation, caller_location, location_of
from understage.plugin_api.references import ServiceRef
from understage.plugin_api.registration import ModuleRegistrationPoints, PluginRegistrationPoints

P = ParamSpec("P")


_PLUGIN_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, eq=False)
class PluginFeature:
    """A plugin, ready to be added.

    Attributes:
        plugin_id: kebab-case; it is served below `/api/<plugin_id>`.
        register: declares extension points and init; run exactly once per backend start.
        location: where it was declared.
    """

    plugin_id: str
    register: Callable[[PluginRegistrationPoints], None]
    location: CodeLocation | None = None
    feature_type: str = field(default="plugin", init=False)
    version: str = field(default="v1", init=False)

    def __post_init__(self) -> None:
        """Refuses ids that other plugins would refuse.

        Raises:
            FeatureDeclarationError: the id has other characters than ASCII letters, digits, `_` and `-`.
        """
        check_plugin_id(self.plugin_id, self.location)


@dataclass(frozen=True, eq=False)
class ModuleFeature:
    """A module, ready to be added.

    Attributes:
        plugin_id: the plugin that it extends.
        module_id: kebab-case, unique among the plugin's modules.
        register: declares extension points and init; run exactly once per backend start.
        location: where it was declared.
    """

    plugin_id: str
    module_id: str
    register: Callable[[ModuleRegistrationPoints], None]
    location: CodeLocation | None = None
    feature_type: str = field(default="module", init=False)
    version: str = field(default="v1", init=False)


LoadedFeatures = (
    Iterable[Any] | AsyncIterable[Any] | Awaitable[Iterable[Any]]
)  # features, or what stands for one: see AddableFeature


@dataclass(frozen=True, eq=False)
class FeatureLoader:
    """Finds features at start. Create one with `create_backend_feature_loader`.

    Attributes:
        loader: called with its root-scoped dependencies by name; returns, yields or awaits features.
        deps: explicit dependencies, or None to read them from the annotations.
        location: where it was declared; it is known by this place in messages.
    """

    loader: Callable[..., LoadedFeatures]
    deps: Mapping[str, ServiceRef[Any]] | None = None
    location: CodeLocation | None = None
    feature_type: str = field(default="loader", init=False)
    version: str = field(default="v1", init=False)


BackendFeature = ServiceFactory[Any] | PluginFeature | ModuleFeature | FeatureLoader


class BackendPlugin(Generic[P]):
    """A plugin that may take options: `backend.add(plugin)` or `backend.add(plugin(option=...))`."""

    def __init__(self, plugin_id: str, register: Callable[Concatenate[PluginRegistrationPoints, P], None]) -> None:
        """Use `create_backend_plugin`."""
        check_plugin_id(plugin_id, location_of(register))
        self.plugin_id = plugin_id
        self.location: CodeLocation | None = location_of(register)
        self.__doc__ = register.__doc__
        self.__wrapped__ = register

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> PluginFeature:
        """Returns the plugin with these options."""
        register = self.__wrapped__
        return PluginFeature(self.plugin_id, lambda env: register(env, *args, **kwargs), self.location)

    def __repr__(self) -> str:
        return f"<plugin '{self.plugin_id}'>"


class BackendModule(Generic[P]):
    """A module that may take options: `backend.add(module)` or `backend.add(module(option=...))`."""

    def __init__(
        self, plugin_id: str, module_id: str, register: Callable[Concatenate[ModuleRegistrationPoints, P], None]
    ) -> None:
        """Use `create_backend_module`."""
        self.plugin_id = plugin_id
        self.module_id = module_id
        self.location: CodeLocation | None = location_of(register)
        self.__doc__ = register.__doc__
        self.__wrapped__ = register

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> ModuleFeature:
        """Returns the module with these options."""
        register = self.__wrapped__
        return ModuleFeature(self.plugin_id, self.module_id, lambda env: register(env, *args, **kwargs), self.location)

    def __repr__(self) -> str:
        return f"<module '{self.module_id}' of plugin '{self.plugin_id}'>"


def check_plugin_id(plugin_id: str, location: CodeLocation | None) -> None:
    """Checks a plugin id when it is declared, rather than when the plugin first calls another one.

    Tokens between plugins name their issuer, and an issuer with other characters is refused.

    Raises:
        FeatureDeclarationError: the id has other characters than ASCII letters, digits, `_` and `-`.
    """
    if not _PLUGIN_ID.fullmatch(plugin_id):
        raise FeatureDeclarationError(
            f"plugin id {plugin_id!r} cannot be used: other plugins would refuse its tokens",
            location=location,
            hint="use lower-case ASCII letters, digits and '-', such as 'my-plugin'",
        )


def create_backend_plugin(
    *, plugin_id: str
) -> Callable[[Callable[Concatenate[PluginRegistrationPoints, P], None]], BackendPlugin[P]]:
    """Decorates the function that registers a plugin. Further parameters of it are the plugin's options.

    Args:
        plugin_id: kebab-case: lower-case letters, digits and `-`. The plugin is served below `/api/<plugin_id>`.
    """

    def decorate(register: Callable[Concatenate[PluginRegistrationPoints, P], None]) -> BackendPlugin[P]:
        return BackendPlugin(plugin_id, register)

    return decorate


def create_backend_module(
    *, plugin_id: str, module_id: str
) -> Callable[[Callable[Concatenate[ModuleRegistrationPoints, P], None]], BackendModule[P]]:
    """Decorates the function that registers a module. Further parameters of it are the module's options.

    Args:
        plugin_id: the plugin that it extends; without that plugin the module is left out.
        module_id: kebab-case, unique among the plugin's modules.
    """

    def decorate(register: Callable[Concatenate[ModuleRegistrationPoints, P], None]) -> BackendModule[P]:
        return BackendModule(plugin_id, module_id, register)

    return decorate


def create_backend_feature_loader(
    *, deps: Mapping[str, ServiceRef[Any]] | None = None
) -> Callable[[Callable[..., LoadedFeatures]], FeatureLoader]:
    """Decorates the function that finds features at start: it returns a list, or yields, maybe asynchronously.

    Args:
        deps: root-scoped dependencies by parameter name, instead of annotations.
    """

    def decorate(loader: Callable[..., LoadedFeatures]) -> FeatureLoader:
        return FeatureLoader(loader, deps, location_of(loader) or caller_location())

    return decorate

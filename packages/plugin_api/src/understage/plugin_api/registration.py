"""What a plugin or module may do while it registers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, overload

from typing_extensions import TypeVar

from understage.plugin_api.references import ExtensionPoint, Reference

T = TypeVar("T")
Init = Callable[..., Awaitable[None]]
InitT = TypeVar("InitT", bound=Init)


class ExtensionPointContext(Protocol):
    """What the factory of an extension point knows of the module that it makes an instance for."""

    @property
    def module_id(self) -> str:
        """The module that consumes the extension point."""
        ...

    def report_module_startup_failure(self, error: BaseException) -> None:
        """Records that the consuming module has failed, as if its own init had raised.

        It works from the plugin's init on, when the module's result exists; after the start it only logs.

        Args:
            error: why the module failed.
        """
        ...


class RegistrationPoints(Protocol):
    """What plugins and modules have in common."""

    @overload
    def register_extension_point(self, extension_point: ExtensionPoint[T], instance: T) -> None: ...
    @overload
    def register_extension_point(
        self, extension_point: ExtensionPoint[T], *, factory: Callable[[ExtensionPointContext], T]
    ) -> None: ...
    def register_extension_point(self, extension_point: ExtensionPoint[Any], *args: Any, **kwargs: Any) -> None:
        """Offers an extension point, before `register_init`.

        Args:
            extension_point: its reference.
            *args: the instance that all modules share, or
            **kwargs: `factory`, called once per consuming module with its `ExtensionPointContext`.
        """
        ...

    @overload
    def register_init(self, init: InitT) -> InitT: ...
    @overload
    def register_init(self, init: InitT, *, deps: Mapping[str, Reference]) -> InitT: ...
    def register_init(self, init: InitT, *, deps: Mapping[str, Reference] | None = None) -> InitT:
        """Names the coroutine function that initialises the feature; exactly once. Usable as a decorator.

        Args:
            init: its parameters are its dependencies.
            deps: dependencies by parameter name, instead of annotations.
        """
        ...


class PluginRegistrationPoints(RegistrationPoints, Protocol):
    """What a plugin may do while it registers."""

    @property
    def plugin_id(self) -> str:
        """The plugin's id."""
        ...


class ModuleRegistrationPoints(RegistrationPoints, Protocol):
    """What a module may do while it registers."""

    @property
    def plugin_id(self) -> str:
        """The id of the plugin that it extends."""
        ...

    @property
    def module_id(self) -> str:
        """The module's id."""
        ...

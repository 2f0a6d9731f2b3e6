"""Runs `register` of a plugin or module and records what it does."""

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

from understage.plugin_api import (
    DependencyDeclarationError,
    ExtensionPoint,
    ExtensionPointContext,
    ModuleFeature,
    PluginFeature,
)
from understage.plugin_api.dependencies import declared_dependencies
from understage.plugin_api.location import caller_location, location_of
from understage.plugin_api.references import Reference
from understage.plugin_api.registration import Init
from understage.wiring.declare.records import (
    ExtensionPointRegistration,
    Failure,
    Origin,
    Registration,
    owner_name,
)
from understage.wiring.errors import RegistrationCallError, RegistrationError

_ABSENT: Any = object()


def record_registration(feature: PluginFeature | ModuleFeature, origin: Origin) -> Registration | Failure:
    """Runs a feature's `register`, once, and returns what it registered.

    Broken rules and undeclared dependencies count against the feature; whatever else `register` raises aborts the
    start, because nobody knows how far it came.

    Args:
        feature: the plugin or module.
        origin: how it came in.
    """
    module_id = feature.module_id if isinstance(feature, ModuleFeature) else None
    recorder = _Recorder(Registration(feature, origin, feature.plugin_id, module_id))
    started = time.perf_counter()
    try:
        feature.register(recorder)
        registration = recorder.finish()
    except (RegistrationError, DependencyDeclarationError) as error:
        return Failure(error, feature.plugin_id, module_id)
    except Exception as error:  # noqa: BLE001 - it is reported with all other problems of the start
        owner = owner_name(feature.plugin_id, module_id)
        return Failure(RegistrationCallError(owner, feature.location or origin.added_at, error))
    registration.register_seconds = time.perf_counter() - started
    return registration


class _Recorder:
    """The registration points that a feature's `register` gets."""

    def __init__(self, registration: Registration) -> None:
        self._registration = registration
        self._explicit_deps: Mapping[str, Reference] | None = None

    @property
    def plugin_id(self) -> str:
        return self._registration.plugin_id

    @property
    def module_id(self) -> str:
        return self._registration.module_id or ""

    def register_extension_point(
        self,
        extension_point: ExtensionPoint[Any],
        instance: Any = _ABSENT,
        *,
        factory: Callable[[ExtensionPointContext], Any] | None = None,
    ) -> None:
        """Records an extension point, before the init."""
        if self._registration.init is not None:
            raise self._broken(
                f"registers {extension_point} after its init",
                hint="call register_extension_point before register_init",
            )
        if (instance is _ABSENT) == (factory is None):
            raise self._broken(
                f"registers {extension_point} with {'neither instance nor' if factory is None else 'both instance and'}"
                " factory",
                hint="pass the instance that all modules share, or factory=f, called once per module",
            )
        self._registration.extension_points.append(
            ExtensionPointRegistration(
                ref=extension_point,
                kind="instance" if factory is None else "factory",
                build=factory if factory is not None else lambda _context: instance,
                location=caller_location(),
                plugin_id=self._registration.plugin_id,
                module_id=self._registration.module_id,
            )
        )

    def register_init(self, init: Any, *, deps: Mapping[str, Reference] | None = None) -> Any:
        """Records the init function; its dependencies are read when `register` has returned."""
        if self._registration.init is not None:
            raise self._broken("registers two inits", hint="call register_init exactly once")
        if not _is_coroutine_function(init):
            raise self._broken(
                f"registers {init!r} as its init, which is no coroutine function", hint="write it as 'async def init'"
            )
        self._registration.init = init
        self._explicit_deps = deps
        return init

    def finish(self) -> Registration:
        """Checks what was recorded and reads the dependencies of the init.

        Raises:
            RegistrationError: no init was registered.
            DependencyDeclarationError: the init's parameters do not say what to pass.
        """
        registration = self._registration
        if registration.init is None:
            raise self._broken(
                "registers no init",
                hint="decorate a coroutine function with @env.register_init, even if it does nothing",
            )
        registration.deps = declared_dependencies(
            registration.init, owner=f"the init of {registration.owner}", explicit=self._explicit_deps
        )
        return registration

    def _broken(self, problem: str, *, hint: str) -> RegistrationError:
        return RegistrationError(self._registration.owner, problem, location=self._registration.location, hint=hint)


def _is_coroutine_function(init: Init) -> bool:
    called = getattr(init, "__call__", None)  # noqa: B004 - an object may have a coroutine function for it
    return inspect.iscoroutinefunction(init) or inspect.iscoroutinefunction(called)


def init_location(registration: Registration) -> Any:
    """Returns where the init function was defined, if that is known."""
    return location_of(registration.init) or registration.location

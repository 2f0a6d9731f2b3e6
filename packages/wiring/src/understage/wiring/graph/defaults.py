"""Default factories that are named instead of imported."""

import importlib
from dataclasses import dataclass, field
from typing import Any

from understage.plugin_api import CodeLocation, ServiceFactory, ServiceRef
from understage.plugin_api.location import caller_location
from understage.wiring.errors import ServiceCreationError


@dataclass(frozen=True, eq=False)
class LazyFactory:
    """A default service factory of a backend that is imported when its service is needed for the first time.

    For services that exist when somebody asks for them: one that the backend creates by itself has to be there.

    Attributes:
        service: the service that it provides.
        target: `"module:attribute"` of the factory.
        location: where it was named.
    """

    service: ServiceRef[Any]
    target: str
    location: CodeLocation = field(default_factory=caller_location)

    @property
    def module(self) -> str:
        """The module that holds the factory."""
        return self.target.partition(":")[0]

    def load(self) -> ServiceFactory[Any]:
        """Returns the factory.

        Raises:
            ServiceCreationError: it cannot be imported, is no factory, provides something else, or has to be created
                without being asked for.
        """
        factory = _load(self.service, self.target, f"correct what is named at {self.location}")
        is_root = self.service.scope == "root"
        if factory.initialization == "always" or (is_root and factory.initialization != "lazy"):
            raise _error(self.service, "is created at the start and cannot be lazy", f"import it at {self.location}")
        return factory


def load_default_factory(ref: ServiceRef[Any]) -> ServiceFactory[Any]:
    """Returns the factory that a reference names as its default.

    Raises:
        ServiceCreationError: it cannot be imported, is no factory, or provides something else.
    """
    return _load(ref, ref.default_factory, f"correct default_factory of the reference ({ref.location})")


def _load(ref: ServiceRef[Any], default: str | ServiceFactory[Any] | None, hint: str) -> ServiceFactory[Any]:
    loaded: object = default
    if isinstance(default, str):
        module_name, _, attribute = default.partition(":")
        try:
            loaded = importlib.import_module(module_name)
            for part in attribute.split("."):
                loaded = getattr(loaded, part)
        except Exception as error:  # a module's top level may raise anything
            raise _error(ref, f"cannot be loaded from '{default}'", hint, error) from error
    if not isinstance(loaded, ServiceFactory):
        raise _error(ref, f"is {loaded!r}, which is no service factory", hint)
    if loaded.service.id != ref.id:
        raise _error(ref, f"provides '{loaded.service.id}' instead", hint)
    return loaded


def _error(ref: ServiceRef[Any], problem: str, hint: str, cause: Exception | None = None) -> ServiceCreationError:
    return ServiceCreationError(
        f"the default factory of service '{ref.id}' {problem}",
        service_id=ref.id,
        plugin_id=None,
        cause=cause,
        hint=hint,
    )


def try_import(module: str) -> None:
    """Imports a module; whoever loads the factory imports it again and reports what is wrong with it."""
    try:
        importlib.import_module(module)
    except Exception:  # noqa: BLE001 - a module's top level may raise anything
        return

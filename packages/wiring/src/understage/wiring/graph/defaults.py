"""The default factories that references name."""

import importlib
from typing import Any

from understage.plugin_api import ServiceFactory, ServiceRef
from understage.wiring.errors import ServiceCreationError


def load_default_factory(ref: ServiceRef[Any]) -> ServiceFactory[Any]:
    """Returns the factory that a reference names as its default.

    Raises:
        ServiceCreationError: it cannot be imported, is no factory, or provides something else.
    """
    default = ref.default_factory
    loaded: object = default
    if isinstance(default, str):
        module_name, _, attribute = default.partition(":")
        try:
            loaded = importlib.import_module(module_name)
            for part in attribute.split("."):
                loaded = getattr(loaded, part)
        except Exception as error:  # a module's top level may raise anything
            raise _default_error(ref, f"cannot be loaded from '{default}'", error) from error
    if not isinstance(loaded, ServiceFactory):
        raise _default_error(ref, f"is {loaded!r}, which is no service factory")
    if loaded.service.id != ref.id:
        raise _default_error(ref, f"provides '{loaded.service.id}' instead")
    return loaded


def _default_error(ref: ServiceRef[Any], problem: str, cause: Exception | None = None) -> ServiceCreationError:
    return ServiceCreationError(
        f"the default factory of service '{ref.id}' {problem}",
        service_id=ref.id,
        plugin_id=None,
        cause=cause,
        hint=f"correct default_factory of the reference ({ref.location})",
    )


def try_import(module: str) -> None:
    """Imports a module; `load_default_factory` imports it again and reports what is wrong with it."""
    try:
        importlib.import_module(module)
    except Exception:  # noqa: BLE001 - a module's top level may raise anything
        return

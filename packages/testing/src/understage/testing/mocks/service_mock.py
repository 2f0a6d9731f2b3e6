"""Services whose methods are all spies."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from understage.plugin_api import ServiceFactory, ServiceRef

if TYPE_CHECKING:
    from unittest.mock import NonCallableMagicMock


def create_service_mock(ref: ServiceRef[Any], **partial: Any) -> Any:
    """Returns a service all of whose methods are `unittest.mock` spies that check their arguments.

    It can be given to `start_test_backend(features=[...])` as it is; elsewhere its attribute `factory` is the feature.

    Args:
        ref: the service. What it does not have cannot be called.
        **partial: by method, a function that the spy runs, or the value that it returns; by property, its value.

    Raises:
        TypeError: the service has no such method or property.
    """
    from unittest.mock import create_autospec

    mock: NonCallableMagicMock = create_autospec(ref.service_type, instance=True)
    for name, implementation in partial.items():
        declared = inspect.getattr_static(ref.service_type, name, None)
        if declared is None:
            raise TypeError(f"{ref} has no '{name}'")
        if not inspect.isfunction(declared):
            setattr(mock, name, implementation)
        elif callable(implementation):
            getattr(mock, name).side_effect = implementation
        else:
            getattr(mock, name).return_value = implementation
    mock.factory = service_factory_of(ref, mock)
    return mock


def service_factory_of(ref: ServiceRef[Any], instance: Any) -> ServiceFactory[Any]:
    """Returns the factory that provides a ready instance, the same one for all plugins."""
    return ServiceFactory(ref, lambda: instance, deps={})

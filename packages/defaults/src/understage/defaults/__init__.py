"""The default core services, a folder each, and `create_backend()`, which puts them together."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understage.defaults.backend import create_backend, default_service_factories

__all__ = ["create_backend", "default_service_factories"]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: whoever wants one service need not import all."""
    if name in __all__:
        from understage.defaults import backend

        return getattr(backend, name)
    raise AttributeError(f"module 'understage.defaults' has no attribute '{name}'")

"""The service by which an installation changes how plugin tokens are handled."""

from typing import Annotated, Protocol

from understage.defaults.auth.plugin_tokens import PluginTokenHandler
from understage.plugin_api import create_service_factory, create_service_ref


class PluginTokenHandlerDecorator(Protocol):
    """Wraps, or replaces, the handler of plugin tokens."""

    def __call__(self, handler: PluginTokenHandler, /) -> PluginTokenHandler:
        """Returns the handler to use instead.

        Args:
            handler: the default one.
        """
        ...


plugin_token_handler_decorator = create_service_ref(
    PluginTokenHandlerDecorator,
    id="core.auth.pluginTokenHandlerDecorator",
    default_factory="understage.defaults.auth.decorator:undecorated",
)
TokenHandlerDecorator = Annotated[PluginTokenHandlerDecorator, plugin_token_handler_decorator]


@create_service_factory(service=plugin_token_handler_decorator)
def undecorated() -> PluginTokenHandlerDecorator:
    """Provides a decorator that changes nothing."""
    return _same


def _same(handler: PluginTokenHandler, /) -> PluginTokenHandler:
    return handler

"""The auth service: tokens of plugins, users and external callers."""

from understage.defaults.auth.decorator import PluginTokenHandlerDecorator, plugin_token_handler_decorator
from understage.defaults.auth.external.handler import (
    ExternalCaller,
    ExternalTokenHandler,
    ExternalTokenVerifier,
    external_token_handlers,
)
from understage.defaults.auth.factory import auth_service_factory
from understage.defaults.auth.plugin_tokens import PluginTokenHandler, PluginTokenSubject
from understage.defaults.auth.service import DefaultAuth

__all__ = [
    "DefaultAuth",
    "ExternalCaller",
    "ExternalTokenHandler",
    "ExternalTokenVerifier",
    "PluginTokenHandler",
    "PluginTokenHandlerDecorator",
    "PluginTokenSubject",
    "auth_service_factory",
    "external_token_handlers",
    "plugin_token_handler_decorator",
]

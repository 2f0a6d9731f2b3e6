"""Reads how a cloud lets connections in, from `backend.database.connection.type`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from understage.config import ConfigError
from understage.defaults.database.sections import Layer
from understage.defaults.database.settings import CloudLogin, EntraLogin, RdsLogin


def read_login(layers: Sequence[Layer]) -> CloudLogin | None:
    """Returns the login of the first layer that names its type, or None for a password.

    Args:
        layers: the connection's fields, the plugin's own first.

    Raises:
        ConfigError: the type is not supported, or something is missing for it.
    """
    for layer in layers:
        kind = layer.config.get_optional_string("type")
        if kind == "default":
            return None
        if kind == "rds":
            return _rds(layer, layers)
        if kind == "azure":
            return _azure(layers)
        if kind is not None:
            raise _error(layer, "type", _not_supported(kind))
    return None


def _rds(layer: Layer, layers: Sequence[Layer]) -> RdsLogin:
    for name in ("host", "port", "user"):
        if not any(each.config.has(name) for each in layers):
            raise _error(layer, name, f"connection type 'rds' needs host, port and user; '{name}' is missing")
    named = (each.config.get_optional_string("region") for each in layers)
    region = next(filter(None, named), None) or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise _error(layer, "region", "connection type 'rds' needs a region: give it here, or set AWS_REGION")
    return RdsLogin(region)


def _azure(layers: Sequence[Layer]) -> EntraLogin:
    layer = next((each for each in layers if each.config.has("tokenCredential")), None)
    if layer is None:
        return EntraLogin()
    section = layer.config.get_config("tokenCredential")
    login = EntraLogin(
        tenant_id=section.get_optional_string("tenantId"),
        client_id=section.get_optional_string("clientId"),
        client_secret=section.get_optional_string("clientSecret"),
    )
    if bool(login.tenant_id) != bool(login.client_secret) or (login.tenant_id and not login.client_id):
        message = (
            "expected clientId, tenantId and clientSecret of an application, or a managed identity's clientId alone"
        )
        raise _error(layer, "tokenCredential", message)
    return login


def _not_supported(kind: str) -> str:
    if kind == "cloudsql":
        return (
            "connection type 'cloudsql' is not supported; run Google's Cloud SQL Auth Proxy beside the backend, and "
            "give its host and port"
        )
    return f"unknown connection type '{kind}'; expected 'default', 'rds' or 'azure'"


def _error(layer: Layer, name: str, message: str) -> ConfigError:
    location = layer.config.location_of(name) or layer.config.location_of("type")
    return ConfigError(message, key=f"{layer.key}.{name}", location=location)

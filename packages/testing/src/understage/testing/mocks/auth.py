"""A working auth service for tests: it understands mock tokens, and mints them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from understage.errors import AuthenticationError
from understage.plugin_api import (
    Credentials,
    LimitedUserToken,
    NonePrincipal,
    Principal,
    ServicePrincipal,
    UserPrincipal,
)
from understage.testing.credentials import (
    INVALID_LIMITED_USER_TOKEN,
    INVALID_SERVICE_TOKEN,
    INVALID_USER_TOKEN,
    LIMITED_USER_TOKEN,
    NONE_TOKEN,
    SERVICE_TOKEN,
    USER_TOKEN,
    mock_credentials,
)

_INVALID = {
    INVALID_USER_TOKEN: "User token is invalid",
    INVALID_LIMITED_USER_TOKEN: "Limited user token is invalid",
    INVALID_SERVICE_TOKEN: "Service token is invalid",
    "": "Token is empty",
}


class MockAuth:
    """Verifies and mints mock tokens.

    Args:
        plugin_id: the plugin that it belongs to; tokens for another plugin are refused.
        disable_default_auth_policy: whether nobody gets an empty token instead of an error.
    """

    def __init__(self, plugin_id: str = "test", *, disable_default_auth_policy: bool = False) -> None:
        self._plugin_id = plugin_id
        self._disable_default_auth_policy = disable_default_auth_policy

    async def authenticate(self, token: str, *, allow_limited_access: bool = False) -> Credentials[Principal]:
        """Returns what a mock token stands for.

        Raises:
            AuthenticationError: it is no mock token, an invalid one, one for another plugin, or a limited one where
                that will not do.
        """
        if token in _INVALID:
            raise AuthenticationError(_INVALID[token])
        if token == NONE_TOKEN:
            return mock_credentials.none()
        kind, colon, text = token.partition(":")
        payload = _parse(text, token) if colon else {}
        try:
            if kind == USER_TOKEN:
                return mock_credentials.user(**_renamed(payload, sub="user_entity_ref", actor="actor"))
            if kind == LIMITED_USER_TOKEN and payload:
                return self._limited(payload, allowed=allow_limited_access)
            if kind == SERVICE_TOKEN:
                return self._service(payload)
        except TypeError as error:
            raise AuthenticationError(f"Malformed mock token '{token}'", error) from error
        raise AuthenticationError(f"Unknown mock token '{token}'")

    async def get_none_credentials(self) -> Credentials[NonePrincipal]:
        """Returns the credentials of nobody."""
        return mock_credentials.none()

    async def get_own_service_credentials(self) -> Credentials[ServicePrincipal]:
        """Returns the plugin's own credentials: of `plugin:<id>`."""
        return mock_credentials.service(f"plugin:{self._plugin_id}")

    async def get_plugin_request_token(self, *, on_behalf_of: Credentials[Any], target_plugin_id: str) -> str:
        """Returns a mock token that only the target plugin's mock auth service accepts.

        Raises:
            AuthenticationError: on behalf of nobody.
        """
        if isinstance(on_behalf_of.principal, NonePrincipal):
            if self._disable_default_auth_policy:
                return ""
            raise AuthenticationError("Refused to issue a service token for credential type 'none'")
        return mock_credentials.service.token(on_behalf_of=on_behalf_of, target_plugin_id=target_plugin_id)

    async def get_limited_user_token(self, credentials: Credentials[Any]) -> LimitedUserToken:
        """Returns a limited mock token of a user, good for an hour.

        Raises:
            AuthenticationError: the credentials are no user's.
        """
        principal: Principal = credentials.principal
        if not isinstance(principal, UserPrincipal):
            raise AuthenticationError(f"Refused to issue a limited user token for credential type '{principal.type}'")
        token = mock_credentials.limited_user.token(principal.user_entity_ref)
        return LimitedUserToken(token, datetime.now(UTC) + timedelta(hours=1))

    async def list_public_service_keys(self) -> dict[str, list[dict[str, Any]]]:
        """Returns an empty key set: mock tokens are not signed."""
        return {"keys": []}

    def _limited(self, payload: dict[str, Any], *, allowed: bool) -> Credentials[UserPrincipal]:
        if not allowed:
            raise AuthenticationError("Limited user token is not allowed")
        return mock_credentials.limited_user(**_renamed(payload, sub="user_entity_ref"))

    def _service(self, payload: dict[str, Any]) -> Credentials[Principal]:
        target = payload.get("target")
        if target and target != self._plugin_id:
            raise AuthenticationError(
                f"The mock token is for plugin '{target}', but this is plugin '{self._plugin_id}'"
            )
        if obo := payload.get("obo"):
            return mock_credentials.user(obo)
        return mock_credentials.service(**_renamed(payload, sub="subject"))


def _parse(text: str, token: str) -> dict[str, Any]:
    try:
        payload = json.loads(text)
    except ValueError as error:
        raise AuthenticationError(f"Malformed mock token '{token}'", error) from error
    if not isinstance(payload, dict):
        raise AuthenticationError(f"Malformed mock token '{token}'")
    return payload


def _renamed(payload: dict[str, Any], **names: str) -> dict[str, Any]:
    return {name: payload[key] for key, name in names.items() if key in payload}

"""Lists and invokes the actions of other plugins, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from understage.defaults.actions.config import ActionsConfig
from understage.defaults.actions.wire import ACTIONS_PATH, decode_actions, decode_output
from understage.errors import InputError, ResponseError, UnderstageError
from understage.plugin_api import (
    Action,
    AuthService,
    Credentials,
    DiscoveryService,
    LoggerService,
    Principal,
    RootHttpClientService,
)

INVOKE_TIMEOUT_SECONDS = 300.0


class DefaultActions:
    """Uses the actions of the plugins that the configuration names, on behalf of whoever asks."""

    def __init__(
        self,
        config: ActionsConfig,
        *,
        auth: AuthService,
        discovery: DiscoveryService,
        http_client: RootHttpClientService,
        logger: LoggerService,
    ) -> None:
        """Puts the parts together.

        Args:
            config: whose actions there are, and which.
            auth: mints tokens for the plugins.
            discovery: finds them.
            http_client: asks them.
            logger: told about plugins that do not answer.
        """
        self._config = config
        self._auth = auth
        self._discovery = discovery
        self._http_client = http_client
        self._logger = logger

    async def list(self, *, credentials: Credentials[Principal]) -> Sequence[Action]:
        """Returns the actions that somebody may see, by plugin in the order of the configuration.

        Plugins that do not answer are left out, and that is logged.

        Args:
            credentials: who asks.
        """
        sources = dict.fromkeys(self._config.plugin_sources or ())
        found = await asyncio.gather(*(self._actions_of(plugin_id, credentials) for plugin_id in sources))
        passes = self._config.filter.passes
        return [action for actions in found for action in actions if passes(action.id, action.attributes)]

    async def invoke(
        self,
        action_id: str,
        *,
        input: Any = None,
        secrets: Mapping[str, Any] | None = None,
        credentials: Credentials[Principal],
    ) -> Any:
        """Invokes an action and returns its output as JSON data.

        Args:
            action_id: `<pluginId>:<name>`.
            input: the input: JSON data, or what msgspec can turn into it.
            secrets: values that are not to be shown.
            credentials: who invokes it.

        Raises:
            InputError: the id has no plugin.
            ResponseError: the plugin refused, or the action failed; it tells the status and the cause.
            ServiceUnavailableError: the plugin cannot be reached.
        """
        plugin_id, colon, name = action_id.partition(":")
        if not (plugin_id and colon and name):
            raise InputError(f"Invalid action id: '{action_id}'; expected '<pluginId>:<name>'")
        given = {} if input is None else input
        # Plugins of older backends know the first version only, which takes no secrets.
        version, body = ("v1", given) if secrets is None else ("v2", {"input": given, "secrets": secrets})
        path = f"/{version}/actions/{quote(action_id, safe='')}/invoke"
        return decode_output(await self._request("POST", plugin_id, path, credentials, msgspec.json.encode(body)))

    async def _actions_of(self, plugin_id: str, credentials: Credentials[Principal]) -> Sequence[Action]:
        try:
            return decode_actions(await self._request("GET", plugin_id, "/v1/actions", credentials))
        except UnderstageError as error:
            message = f"The actions of plugin '{plugin_id}' are left out"
            self._logger.warning(message, error=error)
            return []

    async def _request(
        self, method: str, plugin_id: str, path: str, credentials: Credentials[Principal], body: bytes | None = None
    ) -> bytes:
        token = await self._auth.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id=plugin_id)
        url = f"{await self._discovery.get_base_url(plugin_id)}{ACTIONS_PATH}{path}"
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["content-type"] = "application/json"
        response = await self._http_client.request(
            method, url, headers=headers, body=body, timeout_seconds=INVOKE_TIMEOUT_SECONDS
        )
        if response.status != 200:
            raise ResponseError.from_body(method, url, response.status, response.reason, response.body)
        return response.body

"""The routes by which others see and invoke a plugin's actions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from understage.defaults.actions.wire import encode_actions
from understage.defaults.actions_registry.registry import DefaultActionsRegistry
from understage.defaults.json_body import read_json_body
from understage.defaults.root_http_router.answers import json_bytes, not_found, send_json
from understage.errors import NotAllowedError
from understage.plugin_api import HttpAuthService, Receive, Scope, Send, is_none

_LIST = "/v1/actions"
_INVOKE = re.compile(r"/(?P<version>v[12])/actions/(?P<id>.+)/invoke", re.DOTALL)


class ActionRoutes:
    """An ASGI app for the actions of a plugin.

    Args:
        registry: what it serves.
        http_auth: tells who asks.
    """

    def __init__(self, registry: DefaultActionsRegistry, http_auth: HttpAuthService) -> None:
        self._registry = registry
        self._http_auth = http_auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        path = scope["path"][len(scope["root_path"]) :].rstrip("/") if scope["type"] == "http" else ""
        if path == _LIST and scope["method"] in ("GET", "HEAD"):
            actions = await self._registry.visible(await self._http_auth.credentials(scope))
            await send_json(send, 200, encode_actions(actions))
            return
        match = _INVOKE.fullmatch(path)
        if match is None or scope["method"] != "POST":
            await not_found(scope, receive, send)
            return
        output = await self._invoke(match["id"], match["version"], scope, receive)
        await send_json(send, 200, json_bytes({"output": output}))

    async def _invoke(self, action_id: str, version: str, scope: Scope, receive: Receive) -> Any:
        credentials = await self._http_auth.credentials(scope)
        if is_none(credentials):
            # Only in a plugin whose routes are open to all does anybody get this far.
            raise NotAllowedError("Actions must be invoked by an authenticated principal, not an anonymous request")
        body = await read_json_body(scope, receive)
        data, secrets = (body, None) if version == "v1" else _unwrapped(body)
        return await self._registry.invoke(action_id, data=data, secrets=secrets, credentials=credentials)


def _unwrapped(body: Any) -> tuple[Any, Any]:
    wrapper = cast("Mapping[str, Any]", body if isinstance(body, dict) else {})
    return wrapper.get("input"), wrapper.get("secrets")

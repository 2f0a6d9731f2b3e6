"""The routes by which others learn a plugin's permissions and have its resources judged."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from understage.defaults.json_body import read_json_body
from understage.defaults.permissions_registry.conditions import apply_conditions, read_items
from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry
from understage.defaults.root_http_router.answers import json_bytes, not_found, send_json
from understage.errors import NotAllowedError
from understage.plugin_api import HttpAuthService, PermissionRule, Receive, Scope, Send, is_user
from understage.plugin_api.data_schema import empty_json_schema

PERMISSIONS_PATH = "/.well-known/backstage/permissions"
MANY_ITEMS: Final = 200


class PermissionRoutes:
    """An ASGI app for the permissions of a plugin.

    Args:
        registry: what it serves.
        http_auth: tells who asks.
    """

    def __init__(self, registry: DefaultPermissionsRegistry, http_auth: HttpAuthService) -> None:
        self._registry = registry
        self._http_auth = http_auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        path = scope["path"][len(scope["root_path"]) :].rstrip("/") if scope["type"] == "http" else ""
        if path == "/metadata" and scope["method"] in ("GET", "HEAD"):
            await send_json(send, 200, json_bytes(self._metadata()))
        elif path == "/apply-conditions" and scope["method"] == "POST":
            await send_json(send, 200, json_bytes({"items": await self._apply_conditions(scope, receive)}))
        else:
            await not_found(scope, receive, send)

    def _metadata(self) -> dict[str, Any]:
        return {
            "permissions": [msgspec.to_builtins(permission) for permission in self._registry.permissions],
            "rules": [_rule_to_json(rule) for rule in self._registry.rules],
        }

    async def _apply_conditions(self, scope: Scope, receive: Receive) -> list[dict[str, Any]]:
        credentials = await self._http_auth.credentials(scope, allow=["user", "service"])
        # Resources are judged for other plugins only: a user could otherwise probe what there is.
        if is_user(credentials) and credentials.principal.actor is None:
            raise NotAllowedError
        body = await read_json_body(scope, receive)
        # Thousands of questions take longer to read than others should wait.
        items = await asyncio.to_thread(read_items, body) if _is_long(body) else read_items(body)
        return await apply_conditions(self._registry, items)


def _is_long(body: Any) -> bool:
    items = body.get("items") if isinstance(body, dict) else None
    return isinstance(items, list) and len(items) > MANY_ITEMS


def _rule_to_json(rule: PermissionRule[Any, Any]) -> dict[str, Any]:
    return {
        "name": rule.name,
        "description": rule.description,
        "resourceType": rule.resource_ref.resource_type,
        "paramsSchema": empty_json_schema() if rule.params_schema is None else rule.params_schema.json_schema,
    }

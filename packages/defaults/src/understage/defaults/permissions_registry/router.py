"""The routes by which others learn a plugin's permissions and have its resources judged."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understage.defaults.json_body import read_json_body
from understage.defaults.permissions_registry.conditions import apply_conditions, read_items
from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry
from understage.defaults.root_http_router.answers import json_bytes
from understage.errors import NotAllowedError
from understage.plugin_api import HttpAuthService, PermissionRule, is_user
from understage.plugin_api.data_schema import empty_json_schema


def create_router(registry: DefaultPermissionsRegistry, http_auth: HttpAuthService) -> Starlette:
    """Returns the app to be mounted at `/.well-known/backstage/permissions`.

    Args:
        registry: what it serves.
        http_auth: tells who asks.
    """

    async def get_metadata(request: Request) -> Response:
        body = {
            "permissions": [msgspec.to_builtins(permission) for permission in registry.permissions],
            "rules": [_rule_to_json(rule) for rule in registry.rules],
        }
        return Response(json_bytes(body), media_type="application/json; charset=utf-8")

    async def post_apply_conditions(request: Request) -> Response:
        credentials = await http_auth.credentials(request, allow=["user", "service"])
        # Resources are judged for other plugins only: a user could otherwise probe what there is.
        if is_user(credentials) and credentials.principal.actor is None:
            raise NotAllowedError
        items = read_items(await read_json_body(request))
        body = {"items": await apply_conditions(registry, items)}
        return Response(json_bytes(body), media_type="application/json; charset=utf-8")

    return Starlette(
        routes=[
            Route("/metadata", get_metadata),
            Route("/apply-conditions", post_apply_conditions, methods=["POST"]),
        ]
    )


def _rule_to_json(rule: PermissionRule[Any, Any]) -> dict[str, Any]:
    return {
        "name": rule.name,
        "description": rule.description,
        "resourceType": rule.resource_ref.resource_type,
        "paramsSchema": empty_json_schema() if rule.params_schema is None else rule.params_schema.json_schema,
    }

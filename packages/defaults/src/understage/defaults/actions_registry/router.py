"""The routes by which others see and invoke a plugin's actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understage.defaults.actions.wire import encode_actions
from understage.defaults.actions_registry.registry import DefaultActionsRegistry
from understage.defaults.json_body import read_json_body
from understage.defaults.root_http_router.answers import json_bytes
from understage.errors import NotAllowedError
from understage.plugin_api import HttpAuthService, is_none

_JSON = "application/json; charset=utf-8"


def create_router(registry: DefaultActionsRegistry, http_auth: HttpAuthService) -> Starlette:
    """Returns the app to be mounted at `/.backstage/actions`.

    Args:
        registry: what it serves.
        http_auth: tells who asks.
    """

    async def get_actions(request: Request) -> Response:
        actions = await registry.visible(await http_auth.credentials(request))
        return Response(encode_actions(actions), media_type=_JSON)

    async def invoke_v1(request: Request) -> Response:
        return await invoke(request, lambda body: (body, None))

    async def invoke_v2(request: Request) -> Response:
        return await invoke(request, _unwrapped)

    async def invoke(request: Request, parts: Any) -> Response:
        credentials = await http_auth.credentials(request)
        if is_none(credentials):
            # Only in a plugin whose routes are open to all does anybody get this far.
            raise NotAllowedError("Actions must be invoked by an authenticated principal, not an anonymous request")
        data, secrets = parts(await read_json_body(request))
        output = await registry.invoke(
            request.path_params["action_id"], data=data, secrets=secrets, credentials=credentials
        )
        return Response(json_bytes({"output": output}), media_type=_JSON)

    return Starlette(
        routes=[
            Route("/v1/actions", get_actions),
            Route("/v1/actions/{action_id:path}/invoke", invoke_v1, methods=["POST"]),
            Route("/v2/actions/{action_id:path}/invoke", invoke_v2, methods=["POST"]),
        ]
    )


def _unwrapped(body: Any) -> tuple[Any, Any]:
    wrapper = cast("Mapping[str, Any]", body if isinstance(body, dict) else {})
    return wrapper.get("input"), wrapper.get("secrets")

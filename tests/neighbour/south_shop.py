"""The shop of the Understage backend: it asks for permissions, offers actions and uses those of others."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from understage.errors import ResponseError
from understage.permission_api import (
    ConditionalDecision,
    PermissionRequest,
    create_permission,
    create_permission_resource_ref,
    create_permission_rule,
)
from understage.plugin_api import (
    ActionContext,
    Actions,
    ActionsRegistry,
    Credentials,
    HttpAuth,
    HttpRouter,
    Permissions,
    PermissionsRegistry,
    PluginRegistrationPoints,
    UserPrincipal,
    create_backend_plugin,
)
from understage.plugin_api.permission_criteria import criteria_to_json

Item = dict[str, str]
Work = Callable[[Any, Credentials[Any]], Awaitable[Any]]


class Owner(msgspec.Struct):
    owner: str


class Name(msgspec.Struct):
    name: str


class Greeting(msgspec.Struct):
    text: str


class Key(msgspec.Struct):
    key: str


PERMISSIONS = {
    side: create_permission(name=f"{side}-item.read", action="read", resource_type=f"{side}-item")
    for side in ("north", "south")
}
item_ref = create_permission_resource_ref(Item, Item, plugin_id="south-shop", resource_type="south-item")
is_owner = create_permission_rule(
    name="IS_OWNER",
    description="Allow items of an owner",
    resource_ref=item_ref,
    params=Owner,
    apply=lambda item, params: item["owner"] == params.owner,
    to_query=lambda params: {"owner": params.owner},
)


async def find_items(refs: Sequence[str]) -> list[Item | None]:
    return [None if ref == "absent" else {"owner": ref} for ref in refs]


def register_actions(registry: ActionsRegistry) -> None:
    async def greet(context: ActionContext[Name]) -> Greeting:
        principal = context.credentials.principal
        assert isinstance(principal, UserPrincipal)
        assert principal.actor
        return Greeting(f"{context.input.name}, {principal.user_entity_ref}, {principal.actor.subject}")

    async def unlock(context: ActionContext[Any, Key]) -> Key:
        return context.secrets

    async def do_nothing(context: ActionContext) -> None:
        return None

    registry.register(
        name="greet",
        title="Greet",
        description="Greets",
        input_schema=Name,
        output_schema=Greeting,
        read_only=True,
        action=greet,
    )
    registry.register(
        name="unlock", title="Unlock", description="Unlocks", secrets_schema=Key, output_schema=Key, action=unlock
    )
    registry.register(
        name="secret",
        title="Secret",
        description="Secret",
        visibility_permission=create_permission(name="south-shop.see-secret"),
        action=do_nothing,
    )


@create_backend_plugin(plugin_id="south-shop")
def feature(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(
        actions: Actions,
        actions_registry: ActionsRegistry,
        http_auth: HttpAuth,
        http_router: HttpRouter,
        permissions: Permissions,
        permissions_registry: PermissionsRegistry,
    ) -> None:
        permissions_registry.add_resource_type(
            resource_ref=item_ref, permissions=[PERMISSIONS["south"]], rules=[is_owner], get_resources=find_items
        )
        register_actions(actions_registry)

        async def authorize(body: Any, credentials: Credentials[Any]) -> Any:
            requests = [PermissionRequest(PERMISSIONS[body["side"]], ref) for ref in body["refs"]]
            return [decision.result for decision in await permissions.authorize(requests, credentials=credentials)]

        async def conditions(body: Any, credentials: Credentials[Any]) -> Any:
            requests = [PermissionRequest(PERMISSIONS[body["side"]])]
            [decision] = await permissions.authorize_conditional(requests, credentials=credentials)
            assert isinstance(decision, ConditionalDecision)
            return criteria_to_json(decision.conditions)

        async def list_actions(body: Any, credentials: Credentials[Any]) -> Any:
            return [
                {"id": action.id, "attributes": msgspec.to_builtins(action.attributes), "input": action.input_schema}
                for action in await actions.list(credentials=credentials)
            ]

        async def invoke(body: Any, credentials: Credentials[Any]) -> Any:
            output = await actions.invoke(
                body["id"], input=body.get("input"), secrets=body.get("secrets"), credentials=credentials
            )
            return {"output": output}

        def answering(work: Work) -> Callable[[Request], Awaitable[JSONResponse]]:
            async def answer(request: Request) -> JSONResponse:
                try:
                    return JSONResponse(await work(await request.json(), await http_auth.credentials(request)))
                except ResponseError as error:
                    return JSONResponse({"status": error.status_code, "error": {"message": str(error.cause)}})

            return answer

        works = {"authorize": authorize, "conditions": conditions, "list": list_actions, "invoke": invoke}
        routes = [Route(f"/{name}", answering(work), methods=["POST"]) for name, work in works.items()]
        http_router.use(Starlette(routes=routes))

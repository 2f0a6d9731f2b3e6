"""What a plugin offers to be done, seen from outside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
import pydantic
import pytest

from understage.defaults.actions_registry.router import ActionRoutes
from understage.errors import ConflictError, InputError, NotAllowedError
from understage.plugin_api import (
    ActionContext,
    ActionExample,
    ActionsRegistry,
    BasicPermission,
    HttpRouter,
    PermissionAttributes,
    PluginRegistrationPoints,
    ResourcePermission,
    create_backend_plugin,
)
from understage.testing import MockPermissions, mock_credentials, mock_services, start_test_backend

BASE = "/api/things/.backstage/actions"
DIALECT = "http://json-schema.org/draft-07/schema#"
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False, "$schema": DIALECT}
SERVICE = mock_credentials.service.header()
hidden = BasicPermission("things.see-hidden", PermissionAttributes("read"))

# As a recorded backend publishes it, line breaks and all.
ENTITY_ACTION = {
    "id": "things:get-catalog-entity",
    "name": "get-catalog-entity",
    "title": "Get Catalog Entity",
    "description": "\nThis allows you to get a single entity from the software catalog.\n",
    "pluginId": "things",
    "attributes": {"destructive": False, "idempotent": True, "readOnly": True},
    "schema": {
        "input": {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "description": "The kind of the entity to query."},
                "name": {"type": "string", "description": "The name of the entity to query"},
            },
            "required": ["name"],
            "additionalProperties": False,
            "$schema": DIALECT,
        },
        "output": {"type": "object", "properties": {}, "additionalProperties": True, "$schema": DIALECT},
    },
}


class EchoInput(msgspec.Struct):
    text: str
    n: float | None = None


class EchoOutput(msgspec.Struct):
    text: Any


class Secrets(pydantic.BaseModel):
    token: str


async def echo(context: ActionContext[EchoInput]) -> Any:
    context.logger.info("in action")
    return EchoOutput(
        1 if context.input.text == "bad" else f"{context.input.text} by {context.credentials.cache_key()}"
    )


class Answer(msgspec.Struct):
    text: str


def register_all(registry: ActionsRegistry) -> None:
    async def do_nothing(context: ActionContext) -> None:
        return None

    async def get_entity(context: ActionContext) -> Any:
        return {"kind": "Component", **context.input}

    async def fail(context: ActionContext) -> None:
        raise NotAllowedError("no way") if context.input["how"] == "politely" else ZeroDivisionError("by zero")

    async def tell(context: ActionContext[Any, Secrets]) -> Any:
        return {"token": context.secrets.token, "input": context.input}

    registry.register(
        name="echo",
        title="Echo",
        description="Echoes",
        input_schema=EchoInput,
        output_schema=Answer,
        examples=[ActionExample("Plain", "Says a", {"text": "a"}, {"text": "a"})],
        action=echo,
    )
    registry.register(
        name="get-catalog-entity",
        title="Get Catalog Entity",
        description="\nThis allows you to get a single entity from the software catalog.\n",
        input_schema={key: value for key, value in ENTITY_ACTION["schema"]["input"].items() if key != "$schema"},  # type: ignore[index]
        output_schema={"type": "object", "properties": {}, "additionalProperties": True},
        read_only=True,
        idempotent=True,
        action=get_entity,
    )
    registry.register(name="bare", title="Bare", description="Bare", action=do_nothing)
    registry.register(
        name="fail",
        title="Fail",
        description="Fails",
        input_schema={"type": "object", "properties": {"how": {"type": "string"}}, "required": ["how"]},
        action=fail,
    )
    registry.register(name="secret", title="Secret", description="Secret", secrets_schema=Secrets, action=tell)
    registry.register(
        name="hidden", title="Hidden", description="Hidden", visibility_permission=hidden, action=do_nothing
    )


@asynccontextmanager
async def things(
    permissions: MockPermissions | None = None, *, public: bool = False, **config: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(actions: ActionsRegistry, http_router: HttpRouter) -> None:
            register_all(actions)
            if public:
                http_router.add_auth_policy(path="/", allow="unauthenticated")

    data = {"backend": {"baseUrl": "http://localhost:7007", "actions": config}}
    features: list[Any] = [things_plugin, mock_services.root_config.factory(data)]
    if permissions is not None:
        from understage.testing.mocks.service_mock import service_factory_of

        features.append(service_factory_of(mock_services.permissions.ref, permissions))
    async with start_test_backend(features=features) as backend:
        yield backend.client


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with things() as client:
        yield client


async def ids(client: httpx2.AsyncClient, headers: Any = SERVICE) -> list[str]:
    response = await client.get(f"{BASE}/v1/actions", headers=headers)
    assert response.status_code == 200, response.text
    return [action["name"] for action in response.json()["actions"]]


async def invoke(
    client: httpx2.AsyncClient, name: str, body: Any = None, *, version: str = "v1", headers: Any = SERVICE
) -> httpx2.Response:
    url = f"{BASE}/{version}/actions/{quote(f'things:{name}', safe='')}/invoke"
    if body is None:
        return await client.post(url, headers=headers)
    return await client.post(url, json=body, headers=headers)


async def test_actions_are_listed(client: httpx2.AsyncClient) -> None:
    """S100, S101: actions are listed in order, with schemas as JSON Schema, and attributes as given or by default.

    deviation: an action that only reads is not destructive by default, where a Node backend calls it both.
    """
    response = await client.get(f"{BASE}/v1/actions", headers=mock_credentials.user.header())
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json; charset=utf-8")
    actions = {action["name"]: action for action in response.json()["actions"]}
    assert list(actions) == ["echo", "get-catalog-entity", "bare", "fail", "secret", "hidden"]
    assert actions["get-catalog-entity"] == ENTITY_ACTION
    assert actions["bare"] == {
        "id": "things:bare",
        "name": "bare",
        "title": "Bare",
        "description": "Bare",
        "pluginId": "things",
        "attributes": {"destructive": True, "idempotent": False, "readOnly": False},
        "schema": {"input": NOTHING, "output": NOTHING},
    }
    text = {"text": {"type": "string"}}
    number = {"n": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None}}
    shape = {"type": "object", "required": ["text"], "additionalProperties": False, "$schema": DIALECT}
    assert actions["echo"]["schema"] == {
        "input": {**shape, "properties": {**text, **number}},
        "output": {**shape, "properties": text},
    }
    assert actions["echo"]["examples"] == [
        {"title": "Plain", "description": "Says a", "input": {"text": "a"}, "output": {"text": "a"}}
    ]
    token = {"token": {"title": "Token", "type": "string"}}
    assert actions["secret"]["schema"]["secrets"] == {**shape, "required": ["token"], "properties": token}
    assert list(actions["echo"]) == [
        "id", "name", "title", "description", "pluginId", "attributes", "examples", "schema"
    ]  # fmt: skip


async def test_only_where_it_is_used() -> None:
    """S101: a plugin that does not ask for the registry has no such routes."""

    @create_backend_plugin(plugin_id="things")
    def idle_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init() -> None: ...

    async with start_test_backend(features=[idle_plugin]) as backend:
        for response in (await backend.client.get(f"{BASE}/v1/actions"), await invoke(backend.client, "echo")):
            assert (response.status_code, response.content) == (404, b"")


async def test_other_methods_and_paths(client: httpx2.AsyncClient) -> None:
    """S101: what is no route is the empty 404; there is no second version of the list."""
    for method, path in (("POST", "/v1/actions"), ("GET", "/v2/actions"), ("GET", "/v1/actions/things:echo/invoke")):
        response = await client.request(method, BASE + path, headers=SERVICE)
        assert (response.status_code, response.content) == (404, b"")


@pytest.mark.parametrize("headers", [SERVICE, mock_credentials.user.header()])
async def test_invoking(client: httpx2.AsyncClient, headers: Any) -> None:
    """S102: users and services invoke actions; the output is wrapped, and unknown input members are dropped."""
    response = await invoke(client, "echo", {"text": "a", "zzz": 1}, headers=headers)
    who = "user:user:default/mock" if headers is not SERVICE else "service:external:test-service"
    assert (response.status_code, response.json()) == (200, {"output": {"text": f"a by {who}"}})
    response = await invoke(client, "get-catalog-entity", {"name": "a", "zzz": 1}, headers=headers)
    assert response.json() == {"output": {"kind": "Component", "name": "a"}}


async def test_bodies(client: httpx2.AsyncClient) -> None:
    """S102: no body is an empty input; malformed JSON is a 400."""
    assert (await invoke(client, "bare")).json() == {"output": {}}
    assert (await invoke(client, "echo")).status_code == 400
    url = f"{BASE}/v1/actions/things:bare/invoke"
    for body in (b"{", b'"text"', b"3"):
        response = await client.post(url, content=body, headers={**SERVICE, "content-type": "application/json"})
        assert (response.status_code, response.json()["error"]["name"]) == (400, "InputError")
    text = await client.post(url, content=b"x", headers={**SERVICE, "content-type": "text/plain"})
    assert (text.status_code, text.json()) == (200, {"output": {}})


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("echo", {"text": 1}, 'Invalid input to action "things:echo"; caused by InputError: Expected `str`, got `int`'),
        ("echo", {}, 'Invalid input to action "things:echo"; caused by InputError: Object missing required field'),
        ("echo", [1], 'Invalid input to action "things:echo"; caused by InputError: Expected `object`, got `array`'),
        ("echo", {"text": "bad"}, 'Invalid output from action "things:echo"; caused by InputError: Expected `str`'),
        ("fail", {"how": 1}, 'Invalid input to action "things:fail"; caused by InputError: 1 is not of type "string"'),
        ("fail", {}, 'Invalid input to action "things:fail"; caused by InputError: "how" is a required property'),
    ],
)
async def test_input_and_output_are_checked(client: httpx2.AsyncClient, name: str, body: Any, message: str) -> None:
    """S102: input and output that do not follow their schemas are a 400 that says which and why."""
    response = await invoke(client, name, body)
    error = response.json()["error"]
    assert (response.status_code, error["name"]) == (400, "InputError")
    assert error["message"].startswith(message), error["message"]
    assert response.json()["request"]["url"].startswith("/.backstage/actions/v1/actions/things")


async def test_failures_of_actions(client: httpx2.AsyncClient) -> None:
    """S102: what an action raises is answered as if a route had raised it."""
    polite = await invoke(client, "fail", {"how": "politely"})
    assert (polite.status_code, polite.json()["error"]) == (403, {"name": "NotAllowedError", "message": "no way"})
    other = await invoke(client, "fail", {"how": "rudely"})
    assert (other.status_code, other.json()["error"]["name"]) == (500, "ZeroDivisionError")


async def test_unknown_actions(client: httpx2.AsyncClient) -> None:
    """S102: an action that there is not is a 404 that names it."""
    response = await invoke(client, "nope", {})
    error = {"name": "NotFoundError", "message": 'Action "things:nope" not found'}
    assert (response.status_code, response.json()["error"]) == (404, error)
    response = await client.post(f"{BASE}/v1/actions/nope/invoke", headers=SERVICE)
    assert (response.status_code, response.json()["error"]["message"]) == (404, 'Action "nope" not found')


async def test_the_second_version(client: httpx2.AsyncClient) -> None:
    """S103: the second version wraps the input; without the wrapper it is a 400."""
    response = await invoke(client, "echo", {"input": {"text": "a"}, "more": 1}, version="v2")
    assert response.json() == {"output": {"text": "a by service:external:test-service"}}
    assert (await invoke(client, "echo", {"text": "a"}, version="v2")).status_code == 400
    assert (await invoke(client, "echo", [1], version="v2")).status_code == 400
    assert (await invoke(client, "bare", version="v2")).json() == {"output": {}}


@pytest.mark.parametrize(
    ("name", "body", "version", "message"),
    [
        ("secret", {"input": {}}, "v2", 'Action "things:secret" requires secrets but none were provided'),
        ("secret", {}, "v1", 'Action "things:secret" requires secrets but none were provided'),
        (
            "secret",
            {"input": {}, "secrets": {"token": 1}},
            "v2",
            'Invalid secrets for action "things:secret"; caused by',
        ),
        ("secret", {"input": {}, "secrets": 3}, "v2", 'Invalid secrets for action "things:secret"; caused by'),
        ("bare", {"input": {}, "secrets": {}}, "v2", 'Action "things:bare" does not accept secrets'),
    ],
)
async def test_secrets_are_checked(
    client: httpx2.AsyncClient, name: str, body: Any, version: str, message: str
) -> None:
    """S103: secrets that are missing, wrong or unwanted are a 400."""
    response = await invoke(client, name, body, version=version)
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(message)


async def test_secrets(client: httpx2.AsyncClient) -> None:
    """S103: secrets reach the action apart from the input."""
    response = await invoke(client, "secret", {"input": {}, "secrets": {"token": "t", "x": 1}}, version="v2")
    assert response.json() == {"output": {"token": "t", "input": {}}}


async def test_what_may_not_be_seen() -> None:
    """S100, S101, S102: who lacks the visibility permission neither sees the action nor finds it."""
    permissions = MockPermissions("DENY")
    async with things(permissions) as client:
        assert await ids(client) == ["echo", "get-catalog-entity", "bare", "fail", "secret"]
        assert [request.permission for request in permissions.requests] == [hidden]
        response = await invoke(client, "hidden", {})
        assert (response.status_code, response.json()["error"]["message"]) == (404, 'Action "things:hidden" not found')
        assert (await invoke(client, "bare", {})).status_code == 200
        metadata = await client.get("/api/things/.well-known/backstage/permissions/metadata")
    announced = {"type": "basic", "name": "things.see-hidden", "attributes": {"action": "read"}}
    assert metadata.json() == {"permissions": [announced], "rules": []}


async def test_what_may_be_seen(client: httpx2.AsyncClient) -> None:
    """S102: who has the visibility permission invokes the action."""
    assert (await invoke(client, "hidden", {})).json() == {"output": {}}


async def test_nobody(client: httpx2.AsyncClient) -> None:
    """S101, S102: without credentials neither the list nor the invocation is open."""
    headers = mock_credentials.none.header()
    assert (await client.get(f"{BASE}/v1/actions", headers=headers)).status_code == 401
    assert (await invoke(client, "bare", {}, headers=headers)).status_code == 401


async def test_nobody_in_a_public_plugin() -> None:
    """S101, S102: where a plugin is open to all anybody sees the actions, but invokes none."""
    async with things(public=True) as client:
        headers = mock_credentials.none.header()
        assert "bare" in await ids(client, headers)
        for name in ("bare", "nope"):
            response = await invoke(client, name, {}, headers=headers)
            assert response.status_code == 403
            assert response.json()["error"] == {
                "name": "NotAllowedError",
                "message": "Actions must be invoked by an authenticated principal, not an anonymous request",
            }


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pluginSources": ["things"]}, 6),
        ({"pluginSources": ["others"]}, 0),
        ({"filter": {"exclude": [{"id": "things:*"}]}}, 0),
        ({"filter": {"include": [{"attributes": {"readOnly": True}}]}}, 1),
        ({"filter": {"exclude": [{"attributes": {"readOnly": True}}]}}, 5),
    ],
)
async def test_the_operator_decides(config: Any, expected: int) -> None:
    """S105: a plugin that is no source, and an action that is filtered out, is neither listed nor found."""
    async with things(**config) as client:
        listed = await ids(client)
        assert len(listed) == expected
        bare = await invoke(client, "bare", {})
        assert bare.status_code == (200 if "bare" in listed else 404)


async def test_concurrent_invocations(client: httpx2.AsyncClient) -> None:
    """S102: invocations do not share anything."""
    answers = await asyncio.gather(*(invoke(client, "echo", {"text": str(number)}) for number in range(50)))
    assert [answer.json()["output"]["text"].split()[0] for answer in answers] == [str(n) for n in range(50)]


def test_registering() -> None:
    """S100: an action is offered once; its permission is about no resource; its schemas are understood."""
    registry = mock_services.actions_registry("things")

    async def action(context: ActionContext) -> None:
        return None

    registry.register(name="a", title="A", description="A", action=action)
    with pytest.raises(ConflictError, match='Action with id "things:a" is already registered'):
        registry.register(name="a", title="A", description="A", action=action)
    about_resources: Any = ResourcePermission("thing.read", "thing")
    with pytest.raises(InputError, match='visibility permission of action "things:b" is about resources'):
        registry.register(name="b", title="B", description="B", visibility_permission=about_resources, action=action)
    with pytest.raises(TypeError, match="cannot describe data"):
        registry.register(name="c", title="C", description="C", input_schema=asyncio.Event, action=action)


async def test_odd_names() -> None:
    """S102: an id may hold any text, as long as it is encoded in the address."""

    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(actions: ActionsRegistry) -> None:
            async def action(context: ActionContext) -> None:
                return None

            actions.register(name="Weird Name:x/y", title="W", description="W", action=action)

    async with start_test_backend(features=[things_plugin]) as backend:
        response = await invoke(backend.client, "Weird Name:x/y", {})
    assert (response.status_code, response.json()) == (200, {"output": {}})


async def test_one_who_leaves() -> None:
    """S102: a body that is cut off invokes nothing."""
    registry = mock_services.actions_registry("things")
    calls: list[ActionContext] = []

    async def action(context: ActionContext) -> None:
        calls.append(context)

    registry.register(name="a", title="A", description="A", action=action)
    messages = [{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}]
    scope = {"type": "http", "method": "POST", "path": "/v1/actions/things:a/invoke", "root_path": "", "headers": []}

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with pytest.raises(InputError, match="ended before its body did"):
        await ActionRoutes(registry, mock_services.http_auth())(scope, receive, send)
    assert calls == []

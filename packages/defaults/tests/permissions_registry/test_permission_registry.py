"""What a plugin's permissions and rules are, and how others learn of them and use them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest

from understage.defaults.permissions_registry import conditions
from understage.defaults.permissions_registry.conditions import apply_conditions, read_items
from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry
from understage.errors import ConflictError, InputError
from understage.plugin_api import (
    BasicPermission,
    ModuleRegistrationPoints,
    PermissionAttributes,
    PermissionResourceRef,
    PermissionRule,
    PermissionsRegistry,
    PluginRegistrationPoints,
    ResourcePermission,
    create_backend_module,
    create_backend_plugin,
)
from understage.testing import mock_credentials, start_test_backend

BASE = "/api/things/.well-known/backstage/permissions"
SERVICE = mock_credentials.service.header()


class Owner(msgspec.Struct):
    owner: str


thing: PermissionResourceRef[dict[str, Any], dict[str, Any]] = PermissionResourceRef("things", "thing")
unloadable: PermissionResourceRef[str, str] = PermissionResourceRef("things", "unloadable")
foreign: PermissionResourceRef[str, str] = PermissionResourceRef("others", "other")
read = ResourcePermission("thing.read", "thing", PermissionAttributes("read"))
create = BasicPermission("thing.create", PermissionAttributes("create"))
plain = BasicPermission("thing.plain")
is_owner = PermissionRule(
    name="IS_OWNER",
    description="Allow things of an owner",
    resource_ref=thing,
    params=Owner,
    apply=lambda resource, params: bool(resource["owner"] == params.owner),
    to_query=lambda params: {"owner": params.owner},
)
always = PermissionRule(
    name="ALWAYS", description="Allow all", resource_ref=thing, apply=lambda *_: True, to_query=lambda _: {}
)


class Things:
    """Loads a thing by its owner's name; there is none whose name begins with x."""

    def __init__(self) -> None:
        self.loads: list[list[str]] = []

    async def load(self, refs: Any) -> list[dict[str, Any] | None]:
        self.loads.append(list(refs))
        return [None if ref.startswith("x") else {"owner": ref} for ref in refs]


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
async def client(things: Things) -> AsyncIterator[httpx2.AsyncClient]:
    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(registry: PermissionsRegistry) -> None:
            registry.add_resource_type(
                resource_ref=thing, permissions=[read], rules=[is_owner], get_resources=things.load
            )
            registry.add_resource_type(resource_ref=unloadable)
            registry.add_permissions([create, plain])

    @create_backend_module(plugin_id="things", module_id="more")
    def more_module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(registry: PermissionsRegistry) -> None:
            registry.add_permission_rules([always])

    async with start_test_backend(features=[things_plugin, more_module]) as backend:
        yield backend.client


def leaf(rule: str = "IS_OWNER", resource_type: str = "thing", **params: Any) -> dict[str, Any]:
    return {"rule": rule, "resourceType": resource_type, "params": params}


def question(conditions: Any, *, ref: Any = "a", resource_type: str = "thing", id: str = "1") -> dict[str, Any]:
    return {"id": id, "resourceRef": ref, "resourceType": resource_type, "conditions": conditions}


async def apply(client: httpx2.AsyncClient, *items: Any, headers: Any = SERVICE) -> httpx2.Response:
    return await client.post(f"{BASE}/apply-conditions", json={"items": list(items)}, headers=headers)


async def results(client: httpx2.AsyncClient, *items: Any) -> list[Any]:
    response = await apply(client, *items)
    assert response.status_code == 200, response.text
    return [item["result"] for item in response.json()["items"]]


@pytest.mark.parametrize("headers", [SERVICE, mock_credentials.user.header()])
async def test_metadata(client: httpx2.AsyncClient, headers: Any) -> None:
    """S84, S85: users and services read the plugin's permissions and rules, with JSON Schema of their parameters."""
    response = await client.get(f"{BASE}/metadata", headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    dialect = "http://json-schema.org/draft-07/schema#"
    owner = {
        "type": "object",
        "properties": {"owner": {"type": "string"}},
        "required": ["owner"],
        "additionalProperties": False,
        "$schema": dialect,
    }
    nothing = {"type": "object", "properties": {}, "additionalProperties": False, "$schema": dialect}
    assert response.json() == {
        "permissions": [
            {"type": "resource", "name": "thing.read", "attributes": {"action": "read"}, "resourceType": "thing"},
            {"type": "basic", "name": "thing.create", "attributes": {"action": "create"}},
            {"type": "basic", "name": "thing.plain", "attributes": {}},
        ],
        "rules": [
            {"name": "ALWAYS", "description": "Allow all", "resourceType": "thing", "paramsSchema": nothing},
            {
                "name": "IS_OWNER",
                "description": "Allow things of an owner",
                "resourceType": "thing",
                "paramsSchema": owner,
            },
        ],
    }


async def test_only_where_it_is_used() -> None:
    """S84: a plugin that does not ask for the registry has no such routes."""

    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init() -> None: ...

    async with start_test_backend(features=[things_plugin]) as backend:
        for response in (await backend.client.get(f"{BASE}/metadata"), await apply(backend.client)):
            assert (response.status_code, response.content) == (404, b"")


async def test_other_methods_and_paths(client: httpx2.AsyncClient) -> None:
    """S84: what is no route is the empty 404, like everywhere."""
    for method, path in (("POST", "/metadata"), ("GET", "/apply-conditions"), ("GET", "/nope"), ("GET", "")):
        response = await client.request(method, BASE + path)
        assert (response.status_code, response.content) == (404, b"")


async def test_conditions_are_applied(client: httpx2.AsyncClient) -> None:
    """S83: each question is answered with yes or no by its id; what does not exist is denied, also under a `not`."""
    response = await apply(
        client,
        question(leaf(owner="a"), id="yes"),
        question(leaf(owner="b"), id="no"),
        question({"not": leaf(owner="b")}, id="not"),
        question({"not": leaf(owner="b")}, ref="x", id="absent"),
        question({"allOf": [leaf(owner="a"), leaf(owner="b")]}, id="all"),
        question({"anyOf": [leaf(owner="a"), leaf(owner="b")]}, id="any"),
        question(leaf("ALWAYS"), ref="b", id="always"),
    )
    expected = {
        "yes": "ALLOW", "no": "DENY", "not": "ALLOW", "absent": "DENY", "all": "DENY", "any": "ALLOW", "always": "ALLOW"
    }  # fmt: skip
    assert response.json() == {"items": [{"id": id, "result": result} for id, result in expected.items()]}


async def test_lists_of_resources(client: httpx2.AsyncClient, things: Things) -> None:
    """S83: a list of resources is answered with a list, in order; every resource is loaded once."""
    [many, one] = await results(
        client,
        question({"not": leaf(owner="a")}, ref=["a", "b", "x", "b"]),
        question(leaf(owner="a"), ref=["a"]),
    )
    assert many == ["DENY", "ALLOW", "DENY", "ALLOW"]
    assert one == ["ALLOW"]
    assert things.loads == [["a", "b", "x"]]


async def test_many_questions(client: httpx2.AsyncClient, things: Things, monkeypatch: pytest.MonkeyPatch) -> None:
    """S83: thousands of questions and resources are answered in order, while others go on."""
    monkeypatch.setattr(conditions, "TURN_SECONDS", 0.0)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count_turns())
    refs = [str(number) for number in range(3000)]
    items = [question(leaf(owner="7"), ref=ref, id=ref) for ref in refs]
    answers = await results(client, *items, question(leaf(owner="8"), ref=refs))
    counting.cancel()
    assert answers[:-1] == ["ALLOW" if ref == "7" else "DENY" for ref in refs]
    assert answers[-1] == ["ALLOW" if ref == "8" else "DENY" for ref in refs]
    assert things.loads == [refs]
    assert turns > len(refs)


async def test_parameters(client: httpx2.AsyncClient) -> None:
    """S83: parameters that are not valid are a 400, unknown ones are dropped, and rules without any take none."""
    assert await results(client, question(leaf(owner="a", more=1))) == ["ALLOW"]
    assert await results(client, question(leaf("ALWAYS", more=1))) == ["ALLOW"]
    for condition in (leaf(owner=3), {"rule": "IS_OWNER", "resourceType": "thing"}):
        response = await apply(client, question(condition))
        assert response.status_code == 400
        error = response.json()["error"]
        assert error["name"] == "InputError"
        assert error["message"].startswith("Parameters to rule IS_OWNER are invalid; caused by InputError: ")


async def test_unknown_things(client: httpx2.AsyncClient) -> None:
    """S83: unknown kinds of resource and rules are 400, kinds that cannot be loaded 501; each is named.

    deviation: an unknown rule is 400 instead of 500
    """
    kinds = await apply(client, question(leaf(), resource_type="z"), question(leaf(), resource_type="other"))
    assert (kinds.status_code, kinds.json()["error"]["message"]) == (400, "Unexpected resource types: other, z.")
    rule = await apply(client, question(leaf("NOPE")))
    message = "Permission rule 'NOPE' does not exist for resource type 'thing'; known are: ALWAYS, IS_OWNER"
    assert (rule.status_code, rule.json()["error"]["message"]) == (400, message)
    assert await results(client, question(leaf("NOPE"), ref="x")) == ["DENY"]
    loading = await apply(client, question(leaf(), resource_type="unloadable"))
    assert loading.status_code == 501
    assert loading.json()["error"]["name"] == "NotImplementedError"
    assert "'unloadable'" in loading.json()["error"]["message"]


DEEP: Any = leaf(owner="a")
for _ in range(150):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("x", "items[0]: expected an object"),
        ({}, "items[0].id: expected a text"),
        ({**question(leaf()), "id": 1}, "items[0].id: expected a text"),
        ({**question(leaf()), "resourceType": None}, "items[0].resourceType: expected a text"),
        (question(leaf(), ref=None), "items[0].resourceRef: expected a text, or a list of at least one"),
        (question(leaf(), ref=[]), "items[0].resourceRef: expected a text, or a list of at least one"),
        (question(leaf(), ref=["a", 1]), "items[0].resourceRef: expected a text, or a list of at least one"),
        (question(None), "items[0].conditions: expected an object with 'allOf', 'anyOf', 'not' or 'rule'"),
        (question({"allOf": []}), "items[0].conditions.allOf: expected a list of at least one condition"),
        (question({"anyOf": []}), "items[0].conditions.anyOf: expected a list of at least one condition"),
        (question({"anyOf": {}}), "items[0].conditions.anyOf: expected a list of at least one condition"),
        (
            question({"anyOf": [leaf(), {"not": 3}]}),
            "items[0].conditions.anyOf[1].not: expected an object with 'allOf', 'anyOf', 'not' or 'rule'",
        ),
        (question({"rule": "IS_OWNER"}), "items[0].conditions.resourceType: expected a text"),
        (question({"resourceType": "thing"}), "items[0].conditions.rule: expected a text"),
        (question({**leaf(), "params": []}), "items[0].conditions.params: expected an object"),
        (question(DEEP), f"items[0].conditions{'.not' * 100}: conditions are nested more than 100 deep"),
    ],
)
async def test_malformed_questions(client: httpx2.AsyncClient, things: Things, item: Any, message: str) -> None:
    """S83: a malformed body is a 400 that says where and why, and nothing is loaded."""
    response = await apply(client, item)
    assert response.status_code == 400
    assert response.json() == {
        "error": {"name": "InputError", "message": message},
        "request": {"method": "POST", "url": "/.well-known/backstage/permissions/apply-conditions"},
        "response": {"statusCode": 400},
    }
    assert things.loads == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"items":', "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"items":[]}', "text/plain", 400),
        (b'{"items":[]}', "application/json; charset=utf-8", 200),
        (b" " * (1024 * 1024), "application/json", 400),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ],
)
async def test_bodies(client: httpx2.AsyncClient, body: bytes, content_type: str, status: int) -> None:
    """S83: what is no JSON with a list of questions is a 400; what is too large is a 413."""
    headers = {**SERVICE, "content-type": content_type}
    response = await client.post(f"{BASE}/apply-conditions", content=body, headers=headers)
    assert response.status_code == status


async def test_conditions_are_for_plugins(client: httpx2.AsyncClient) -> None:
    """S83: users cannot have conditions applied, nobody either; a plugin on a user's behalf can."""
    user = await apply(client, headers=mock_credentials.user.header())
    assert (user.status_code, user.json()["error"]) == (403, {"name": "NotAllowedError", "message": ""})
    malformed = await client.post(f"{BASE}/apply-conditions", content=b"{", headers=mock_credentials.user.header())
    assert malformed.status_code == 403
    nobody = await apply(client, headers=mock_credentials.none.header())
    assert nobody.status_code == 401
    acting = await apply(client, headers=mock_credentials.user.header(actor="plugin:permission"))
    assert (acting.status_code, acting.json()) == (200, {"items": []})


async def test_a_loader_must_answer_for_each_ref(client: httpx2.AsyncClient, things: Things) -> None:
    """S83: a loader that returns too few resources is an error that says so, not a wrong answer."""

    async def lose_one(refs: Any) -> list[Any]:
        return [{"owner": "a"}]

    registry = DefaultPermissionsRegistry("things")
    registry.add_resource_type(resource_ref=thing, rules=[is_owner], get_resources=lose_one)
    items = read_items(json.loads(json.dumps({"items": [question(leaf(owner="a"), ref=["a", "b"])]})))
    with pytest.raises(Exception, match="get_resources of 'thing' returned 1 resources for 2 refs"):
        await apply_conditions(registry, items)


def test_foreign_resources_are_refused() -> None:
    """S82: a plugin can only use its own kinds of resource; the error names both plugins."""
    registry = DefaultPermissionsRegistry("things")
    rule = PermissionRule(name="R", description="", resource_ref=foreign, apply=lambda *_: True, to_query=lambda _: "")
    message = "Resource type 'other' belongs to plugin 'others', but was used with plugin 'things'"
    for use in (
        lambda: registry.add_resource_type(resource_ref=foreign),
        lambda: registry.add_permission_rules([rule]),
        lambda: registry.get_permission_ruleset(foreign),
    ):
        with pytest.raises(InputError, match=message):
            use()
    assert registry.rules == []


def test_nothing_is_added_twice() -> None:
    """S82: a kind of resource and a rule are added once; a permission that is there already does no harm."""
    registry = DefaultPermissionsRegistry("things")
    registry.add_resource_type(resource_ref=thing, permissions=[read], rules=[is_owner])
    with pytest.raises(ConflictError, match="permission resource with type 'thing' because it already exists"):
        registry.add_resource_type(resource_ref=thing)
    with pytest.raises(ConflictError, match="rule for type 'thing' with name 'IS_OWNER' because it already exists"):
        registry.add_permission_rules([is_owner])
    registry.add_permissions([create, create])
    registry.add_permissions([create, ResourcePermission("thing.create", "thing")])
    assert [(one.name, type(one).__name__) for one in registry.permissions] == [
        ("thing.read", "ResourcePermission"),
        ("thing.create", "BasicPermission"),
        ("thing.create", "ResourcePermission"),
    ]


def test_rulesets() -> None:
    """S82: the ruleset of a kind knows its rules by name, also those that are added later."""
    registry = DefaultPermissionsRegistry("things")
    ruleset = registry.get_permission_ruleset(thing)
    with pytest.raises(InputError, match="'IS_OWNER' does not exist for resource type 'thing'; known are: none"):
        ruleset.get_rule_by_name("IS_OWNER")
    registry.add_permission_rules([is_owner])
    assert ruleset.get_rule_by_name("IS_OWNER") is is_owner
    assert ruleset.get_rule_by_name("IS_OWNER").query({"owner": "a"}) == {"owner": "a"}


async def test_too_late() -> None:
    """S82: once the plugin has started nothing can be added; rulesets can still be read."""
    kept: list[Any] = []

    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(registry: PermissionsRegistry) -> None:
            kept.append(registry)

    async with start_test_backend(features=[things_plugin]):
        [registry] = kept
        with pytest.raises(ConflictError, match="Cannot add permissions after plugin 'things' has started"):
            registry.add_permissions([create])
        with pytest.raises(ConflictError, match="Cannot add permission rules after plugin 'things' has started"):
            registry.add_permission_rules([is_owner])
        with pytest.raises(ConflictError, match="Cannot add resource types after plugin 'things' has started"):
            registry.add_resource_type(resource_ref=thing)
        assert registry.get_permission_ruleset(thing).rules == {}

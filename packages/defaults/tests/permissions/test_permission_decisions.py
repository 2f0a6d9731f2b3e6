"""Who decides what somebody may do."""

import asyncio
import json
from typing import Any

import pytest

from understage.config import config_from_data
from understage.defaults.permissions import permissions_service_factory
from understage.defaults.permissions.service import DefaultPermissions
from understage.errors import AuthenticationError, InputError, ResponseError, ServiceUnavailableError, UnderstageError
from understage.plugin_api import (
    ALLOW,
    DENY,
    AllOf,
    AnyOf,
    BasicPermission,
    Condition,
    ConditionalDecision,
    HttpResponse,
    Not,
    PermissionAttributes,
    PermissionRequest,
    ResourcePermission,
)
from understage.testing import mock_credentials, mock_services

CREATE = BasicPermission("thing.create", PermissionAttributes("create"))
LOOK = BasicPermission("thing.look", PermissionAttributes("read"))
PLAIN = BasicPermission("thing.plain")
READ = ResourcePermission("thing.read", "thing", PermissionAttributes("read"))
URL = "http://backend.test/api/permission/authorize"
CONDITION = {"rule": "IS_OWNER", "resourceType": "thing", "params": {"owner": "a"}}


class PermissionPlugin:
    """Answers questions: creating is allowed, the rest is denied, and conditions are for those without a resource."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.gate: asyncio.Event | None = None
        self.answer: Any = None
        self.client = mock_services.root_http_client({f"POST {URL}": self.respond})

    async def respond(self, request: Any) -> HttpResponse:
        self.bodies.append(json.loads(request.body))
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, HttpResponse):
            return self.answer
        items = self.answer(self.bodies[-1]["items"]) if self.answer else map(self.decide, self.bodies[-1]["items"])
        return HttpResponse(200, "OK", {}, json.dumps({"items": list(items)}).encode())

    def decide(self, item: Any) -> Any:
        if item["permission"]["type"] == "resource" and "resourceRef" not in item:
            decision: Any = {"result": "CONDITIONAL", "pluginId": "things", "resourceType": "thing"}
            return {"id": item["id"], **decision, "conditions": {"anyOf": [CONDITION, {"not": CONDITION}]}}
        return {"id": item["id"], "result": "ALLOW" if item["permission"]["name"] == "thing.create" else "DENY"}

    def service(self, *, enabled: bool = True, **auth: Any) -> DefaultPermissions:
        return DefaultPermissions(
            enabled=enabled,
            auth=mock_services.auth(**auth),
            discovery=mock_services.discovery("http://backend.test"),
            http_client=self.client,
        )


@pytest.fixture
def plugin() -> PermissionPlugin:
    return PermissionPlugin()


async def test_without_policies_users_may_do_everything(plugin: PermissionPlugin) -> None:
    """S80: while permissions are disabled everything is allowed, to users and to nobody, without asking."""
    service = plugin.service(enabled=False)
    for credentials in (mock_credentials.user(), mock_credentials.none()):
        decisions = await service.authorize(
            [PermissionRequest(CREATE), PermissionRequest(READ, "a")], credentials=credentials
        )
        assert decisions == [ALLOW, ALLOW]
        assert await service.authorize_conditional([PermissionRequest(READ)], credentials=credentials) == [ALLOW]
    assert plugin.bodies == []


@pytest.mark.parametrize("enabled", [False, True])
async def test_services_are_allowed_without_asking(plugin: PermissionPlugin, enabled: bool) -> None:
    """S80: a service without restrictions is allowed everything without asking."""
    service = plugin.service(enabled=enabled)
    requests = [PermissionRequest(CREATE), PermissionRequest(READ, "a")]
    assert await service.authorize(requests, credentials=mock_credentials.service()) == [ALLOW, ALLOW]
    assert plugin.bodies == []


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"permission_names": ["thing.create"]}, [ALLOW, DENY, DENY, DENY]),
        ({"permission_actions": ["read"]}, [DENY, ALLOW, DENY, ALLOW]),
        (
            {"permission_names": ["thing.create", "thing.look"], "permission_actions": ["read"]},
            [DENY, ALLOW, DENY, DENY],
        ),
        ({"permission_names": []}, [DENY, DENY, DENY, DENY]),
    ],
)
async def test_restricted_services(plugin: PermissionPlugin, enabled: bool, limits: Any, expected: Any) -> None:
    """S80: a restricted service is allowed what its restrictions name, and no more, also while users are not judged."""
    requests = [PermissionRequest(CREATE), PermissionRequest(LOOK), PermissionRequest(PLAIN), PermissionRequest(READ)]
    credentials = mock_credentials.service(**limits)
    decisions = await plugin.service(enabled=enabled).authorize_conditional(requests, credentials=credentials)
    assert decisions == expected
    assert plugin.bodies == []


async def test_users_are_judged_by_the_permission_plugin(plugin: PermissionPlugin) -> None:
    """S80: for a user the permission plugin is asked, with a token of this plugin on the user's behalf.

    deviation: decisions do not carry the id of their question; they come in its order
    """
    requests = [PermissionRequest(CREATE), PermissionRequest(READ, "thing:a")]
    decisions = await plugin.service().authorize(requests, credentials=mock_credentials.user())
    assert decisions == [ALLOW, DENY]
    [body] = plugin.bodies
    ids = [item.pop("id") for item in body["items"]]
    assert len(set(ids)) == 2
    create = {"type": "basic", "name": "thing.create", "attributes": {"action": "create"}}
    read = {"type": "resource", "name": "thing.read", "attributes": {"action": "read"}, "resourceType": "thing"}
    assert body == {"items": [{"permission": create}, {"permission": read, "resourceRef": "thing:a"}]}
    [request] = plugin.client.requests
    token = mock_credentials.service.token(on_behalf_of=mock_credentials.user(), target_plugin_id="permission")
    assert request.headers == {"authorization": f"Bearer {token}", "content-type": "application/json"}


async def test_conditions(plugin: PermissionPlugin) -> None:
    """S80: without a resource the answer may be conditions, naming the plugin and the kind of resource."""
    decisions = await plugin.service().authorize_conditional(
        [PermissionRequest(READ), PermissionRequest(CREATE)], credentials=mock_credentials.user()
    )
    leaf = Condition("IS_OWNER", "thing", {"owner": "a"})
    assert decisions == [ConditionalDecision("things", "thing", AnyOf((leaf, Not(leaf)))), ALLOW]
    assert [decision.result for decision in decisions] == ["CONDITIONAL", "ALLOW"]


async def test_answers_may_come_in_any_order(plugin: PermissionPlugin) -> None:
    """S80: answers are found by the id of the question."""
    plugin.answer = lambda items: [plugin.decide(item) for item in reversed(items)]
    requests = [PermissionRequest(CREATE), PermissionRequest(LOOK)]
    assert await plugin.service().authorize(requests, credentials=mock_credentials.user()) == [ALLOW, DENY]


async def test_nothing_to_ask(plugin: PermissionPlugin) -> None:
    """S80: no questions are no request."""
    assert await plugin.service().authorize([], credentials=mock_credentials.user()) == []
    assert plugin.bodies == []


async def test_which_resource_must_be_said(plugin: PermissionPlugin) -> None:
    """S80: yes or no about a resource needs the resource; a permission about none refuses one."""
    with pytest.raises(
        InputError, match=r"permission 'thing.read' is about a 'thing': say which one with resource_ref"
    ):
        await plugin.service().authorize([PermissionRequest(READ)], credentials=mock_credentials.user())
    with pytest.raises(InputError, match=r"permission 'thing.create' is about no resource, but 'a' was given"):
        PermissionRequest(CREATE, "a")


async def test_nobody(plugin: PermissionPlugin) -> None:
    """S80: nobody's permission is not asked for, unless requests need no credentials at all."""
    requests = [PermissionRequest(CREATE)]
    with pytest.raises(AuthenticationError):
        await plugin.service().authorize(requests, credentials=mock_credentials.none())
    assert plugin.bodies == []
    service = plugin.service(disable_default_auth_policy=True)
    assert await service.authorize(requests, credentials=mock_credentials.none()) == [ALLOW]
    assert "authorization" not in plugin.client.requests[0].headers


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"result": "ALLOW"}],
        [{"id": "other", "result": "ALLOW"}],
        [{"id": "<id>"}],
        [{"id": "<id>", "result": "MAYBE"}],
        [{"id": "<id>", "result": ["ALLOW"]}],
        [{"id": "<id>", "result": "CONDITIONAL"}],
        [{"id": "<id>", "result": "CONDITIONAL", "pluginId": "a", "resourceType": "b", "conditions": {"allOf": []}}],
        [{"id": "<id>", "result": "CONDITIONAL", "pluginId": "a", "resourceType": "b", "conditions": CONDITION}],
    ],
)
async def test_odd_answers_allow_nothing(plugin: PermissionPlugin, items: Any) -> None:
    """S80: an answer that is missing, not understood, or conditional where yes or no was asked for, is an error."""
    plugin.answer = lambda asked: json.loads(json.dumps(items).replace("<id>", asked[0]["id"]))
    with pytest.raises(UnderstageError, match=r"The permission plugin"):
        await plugin.service().authorize([PermissionRequest(CREATE)], credentials=mock_credentials.user())


async def test_refusals_and_outages(plugin: PermissionPlugin) -> None:
    """S80: a refusal keeps its status, and an outage is one: nothing is allowed because nobody answers."""
    ask = plugin.service().authorize
    refusal = {"error": {"name": "NotAllowedError", "message": "no services"}}
    plugin.answer = HttpResponse(403, "Forbidden", {}, json.dumps(refusal).encode())
    with pytest.raises(ResponseError, match="no services") as caught:
        await ask([PermissionRequest(CREATE)], credentials=mock_credentials.user())
    assert caught.value.status_code == 403
    plugin.answer = ServiceUnavailableError("down")
    with pytest.raises(ServiceUnavailableError):
        await ask([PermissionRequest(CREATE)], credentials=mock_credentials.user())
    plugin.answer = HttpResponse(200, "OK", {}, b"<html>")
    with pytest.raises(UnderstageError, match="is not understood"):
        await ask([PermissionRequest(CREATE)], credentials=mock_credentials.user())


async def test_one_turn_of_the_loop_is_one_request(plugin: PermissionPlugin) -> None:
    """S81: what is asked with the same credentials in one turn of the loop travels together, and each gets its own."""
    service, user = plugin.service(), mock_credentials.user()
    results = await asyncio.gather(
        service.authorize([PermissionRequest(CREATE), PermissionRequest(LOOK)], credentials=user),
        service.authorize([PermissionRequest(LOOK)], credentials=user),
        service.authorize_conditional([PermissionRequest(READ)], credentials=user),
        service.authorize([PermissionRequest(CREATE)], credentials=mock_credentials.user("user:default/other")),
    )
    assert [[one.result for one in result] for result in results] == [
        ["ALLOW", "DENY"],
        ["DENY"],
        ["CONDITIONAL"],
        ["ALLOW"],
    ]
    assert sorted(len(body["items"]) for body in plugin.bodies) == [1, 4]
    await service.authorize([PermissionRequest(CREATE)], credentials=user)
    assert len(plugin.bodies) == 3


async def test_who_leaves_disturbs_no_other(plugin: PermissionPlugin) -> None:
    """S81: a caller that is cancelled takes nothing from those whose questions travel along."""
    plugin.gate = asyncio.Event()
    service = plugin.service()
    calls = [
        asyncio.create_task(service.authorize([PermissionRequest(CREATE)], credentials=mock_credentials.user()))
        for _ in range(3)
    ]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.sleep(0)
    plugin.gate.set()
    assert await asyncio.gather(*calls[1:]) == [[ALLOW], [ALLOW]]
    assert len(plugin.bodies) == 1


async def test_a_failure_is_everybodys(plugin: PermissionPlugin) -> None:
    """S81: a failed request fails all who asked along, and the next turn asks anew."""
    plugin.answer = ServiceUnavailableError("down")
    service = plugin.service()
    ask = [service.authorize([PermissionRequest(CREATE)], credentials=mock_credentials.user()) for _ in range(3)]
    results = await asyncio.gather(*ask, return_exceptions=True)
    assert [type(result) for result in results] == [ServiceUnavailableError] * 3
    plugin.answer = None
    assert await service.authorize([PermissionRequest(CREATE)], credentials=mock_credentials.user()) == [ALLOW]


@pytest.mark.parametrize(
    ("data", "asked"), [({}, 0), ({"permission": {"enabled": False}}, 0), ({"permission": {"enabled": True}}, 1)]
)
async def test_configuration(plugin: PermissionPlugin, data: Any, asked: int) -> None:
    """S80: `permission.enabled` tells whether users are judged; absent means they are not."""
    factory: Any = permissions_service_factory.factory
    service = factory(
        auth=mock_services.auth(),
        config=config_from_data(data),
        discovery=mock_services.discovery("http://backend.test"),
        http_client=plugin.client,
    )
    assert await service.authorize([PermissionRequest(CREATE)], credentials=mock_credentials.user()) == [ALLOW]
    assert len(plugin.bodies) == asked


def test_permissions_are_values() -> None:
    """S80: permissions with the same name, kind and attributes are equal."""
    assert ResourcePermission("a", "b") == ResourcePermission("a", "b") != ResourcePermission("a", "c")
    assert AllOf((Condition("A", "b"),)) == AllOf((Condition("A", "b"),))
    assert (ALLOW.allowed, DENY.allowed) == (True, False)

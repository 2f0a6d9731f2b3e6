"""What plugins and policies work with."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from understage import permission_api
from understage.errors import InputError, ResponseError, ServiceUnavailableError
from understage.permission_api import (
    ALLOW,
    DENY,
    AllOf,
    AnyOf,
    BasicPermission,
    Condition,
    ConditionalDecision,
    Not,
    PermissionAttributes,
    PermissionClient,
    PermissionRequest,
    ResourcePermission,
    all_of,
    any_of,
    apply_conditions,
    condition,
    conditional_decision,
    conditions_to_query,
    create_permission,
    create_permission_resource_ref,
    create_permission_rule,
    is_permission,
    is_resource_permission,
    not_,
)
from understage.testing import HttpRequest, MockDiscovery, MockHttpClient, json_response


@dataclass
class Todo:
    owner: str
    done: bool = False


class Owner(msgspec.Struct):
    owner: str


todo = create_permission_resource_ref(Todo, dict[str, Any], plugin_id="todo", resource_type="todo-item")
is_owner = create_permission_rule(
    name="IS_OWNER",
    description="Allow items of an owner",
    resource_ref=todo,
    params=Owner,
    apply=lambda item, params: item.owner == params.owner,
    to_query=lambda params: {"owner": params.owner},
)
is_done = create_permission_rule(
    name="IS_DONE",
    description="Allow items that are done",
    resource_ref=todo,
    apply=lambda item, _: item.done,
    to_query=lambda _: {"done": True},
)
RULES = [is_owner, is_done]
OWNED, DONE = Condition("IS_OWNER", "todo-item", {"owner": "a"}), Condition("IS_DONE", "todo-item")


def test_permissions() -> None:
    """S80: a permission is about a kind of resource or about none, and has the action that it is given."""
    create = create_permission(name="todo.create", action="create")
    read = create_permission(name="todo.read", action="read", resource_type="todo-item")
    assert create == BasicPermission("todo.create", PermissionAttributes("create"))
    assert read == ResourcePermission("todo.read", "todo-item", PermissionAttributes("read"))
    assert create_permission(name="todo.x").attributes.action is None
    assert is_permission(read, ResourcePermission("todo.read", "other"))
    assert not is_permission(read, create)
    assert is_resource_permission(read)
    assert is_resource_permission(read, "todo-item")
    assert not is_resource_permission(read, "other")
    assert not is_resource_permission(create)


def test_conditions() -> None:
    """S83: conditions are made of rules with checked parameters, as JSON data or as the model, and combined."""
    assert condition(is_owner, {"owner": "a", "x": 1}) == condition(is_owner, Owner("a")) == OWNED
    assert condition(is_done) == condition(is_done, {"x": 1}) == DONE
    assert all_of(OWNED, any_of(DONE, not_(OWNED))) == AllOf((OWNED, AnyOf((DONE, Not(OWNED)))))
    assert conditional_decision(todo, OWNED) == ConditionalDecision("todo", "todo-item", OWNED)
    for wrong in ({"owner": 1}, None, Owner(1)):  # type: ignore[arg-type]
        with pytest.raises(InputError, match="Parameters to rule IS_OWNER are invalid; caused by"):
            condition(is_owner, wrong)
    with pytest.raises(InputError, match=r"all_of\(\) needs at least one condition"):
        all_of()
    with pytest.raises(InputError, match=r"any_of\(\) needs at least one condition"):
        any_of()


@pytest.mark.parametrize(
    ("conditions", "item", "expected"),
    [
        (OWNED, Todo("a"), True),
        (OWNED, Todo("b"), False),
        (not_(OWNED), Todo("b"), True),
        (not_(OWNED), None, False),
        (all_of(OWNED, DONE), Todo("a"), False),
        (all_of(OWNED, DONE), Todo("a", done=True), True),
        (any_of(OWNED, DONE), Todo("b", done=True), True),
    ],
)
def test_conditions_are_put_to_resources(conditions: Any, item: Todo | None, expected: bool) -> None:
    """S83: a resource fulfils conditions or not; one that does not exist never does."""
    assert apply_conditions(conditions, item, RULES) is expected


def test_conditions_become_queries() -> None:
    """S83: conditions become queries of the same shape."""
    query = conditions_to_query(all_of(OWNED, not_(DONE)), RULES)
    expected: AllOf[dict[str, Any]] = AllOf(({"owner": "a"}, Not({"done": True})))
    assert query == expected


@pytest.mark.parametrize("leaf", [Condition("NOPE", "todo-item"), Condition("IS_DONE", "other")])
def test_unknown_rules(leaf: Condition) -> None:
    """S83: a rule that the plugin does not have for that kind of resource is an error that lists those that it has."""
    message = (
        f"rule '{leaf.rule}' does not exist for resource type '{leaf.resource_type}'; known are: IS_OWNER, IS_DONE"
    )
    with pytest.raises(InputError, match=message):
        apply_conditions(leaf, Todo("a"), RULES)
    with pytest.raises(InputError, match=message):
        conditions_to_query(leaf, RULES)


async def test_the_client_asks() -> None:
    """S80: the client asks with the token that it is given, and returns decisions in order; no questions ask nobody."""

    def answer(request: HttpRequest) -> Any:
        items = json.loads(request.body or b"")["items"]
        decided = ["ALLOW" if item["permission"]["name"] == "todo.create" else "DENY" for item in items]
        return json_response({"items": [{"id": i["id"], "result": r} for i, r in zip(items, decided, strict=True)]})

    http = MockHttpClient({"POST http://localhost:0/api/permission/authorize": answer})
    client = PermissionClient(MockDiscovery(), http)
    questions = [
        PermissionRequest(create_permission(name="todo.read", resource_type="todo-item"), "todo:1"),
        PermissionRequest(create_permission(name="todo.create")),
    ]
    assert await client.authorize(questions, token="t") == [DENY, ALLOW]
    assert http.requests[0].headers["authorization"] == "Bearer t"
    assert await client.authorize([], token="t") == []
    assert len(http.requests) == 1


async def test_the_client_fails_loudly() -> None:
    """S80: a refusal keeps its status, and an outage is an error: neither allows anything."""
    question = [PermissionRequest(create_permission(name="todo.create"))]
    refusal = json_response({"error": {"name": "NotAllowedError", "message": "no"}}, 403)
    http = MockHttpClient({"POST http://localhost:0/api/permission/authorize": refusal})
    with pytest.raises(ResponseError, match="no") as caught:
        await PermissionClient(MockDiscovery(), http).authorize(question, token="t")
    assert caught.value.status_code == 403
    with pytest.raises(ServiceUnavailableError):
        await PermissionClient(MockDiscovery(), MockHttpClient()).authorize(question, token="t")


def test_public_names_have_docstrings() -> None:
    """Everything that the library exports says what it is."""
    values = [getattr(permission_api, name) for name in permission_api.__all__]
    ours = [value for value in values if getattr(value, "__module__", "").startswith("understage")]
    assert len(ours) > 20
    assert [value for value in ours if not value.__doc__] == []

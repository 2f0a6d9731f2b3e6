"""Mocks of permissions, auditor, actions and system metadata."""

from typing import Any

import pytest

from understage.errors import InputError, NotFoundError
from understage.plugin_api import (
    ActionContext,
    BasicPermission,
    PermissionRequest,
    PermissionResourceRef,
    Permissions,
    PluginRegistrationPoints,
    SystemPlugin,
    core_services,
    create_backend_plugin,
)
from understage.testing import ServiceFactoryTester, mock_credentials, mock_services, start_test_backend

CREATE = BasicPermission("thing.create")
USER = mock_credentials.user()


async def test_permissions() -> None:
    """T5, T6: the mock permissions service gives one answer to everything, and keeps the questions."""
    for permissions, result in ((mock_services.permissions(), "ALLOW"), (mock_services.permissions("DENY"), "DENY")):
        [decision] = await permissions.authorize([PermissionRequest(CREATE)], credentials=USER)
        [conditional] = await permissions.authorize_conditional([PermissionRequest(CREATE)], credentials=USER)
        assert (decision.result, conditional.result) == (result, result)
        assert permissions.requests == [PermissionRequest(CREATE)] * 2


async def test_a_test_backend_denies_on_demand() -> None:
    """T4, T5: in a test backend everybody may do everything, unless the test says otherwise."""
    answers: list[bool] = []

    @create_backend_plugin(plugin_id="things")
    def things_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(permissions: Permissions) -> None:
            [decision] = await permissions.authorize([PermissionRequest(CREATE)], credentials=USER)
            answers.append(decision.allowed)

    async with start_test_backend(features=[things_plugin]):
        pass
    async with start_test_backend(features=[things_plugin, mock_services.permissions.factory("DENY")]):
        pass
    assert answers == [True, False]


async def test_auditor() -> None:
    """T5, T6: the mock auditor keeps events as they stand."""
    auditor = mock_services.auditor()
    done = await auditor.create_event(event_id="a", severity_level="high", meta={"x": 1})
    failed = await auditor.create_event(event_id="b")
    assert [event.status for event in auditor.events] == ["initiated", "initiated"]
    await done.success(meta={"y": 2})
    error = ValueError("no")
    await failed.fail(error=error)
    assert (done.status, done.severity_level, done.meta, done.error) == ("succeeded", "high", {"x": 1, "y": 2}, None)
    assert (failed.status, failed.meta, failed.error) == ("failed", {}, error)
    assert await ServiceFactoryTester.from_factory(mock_services.auditor.factory(auditor)).get_subject() is auditor


async def test_actions() -> None:
    """T5, T6: a mock registry takes actions as the real one does; a test, or the mock service, invokes them."""
    registry = mock_services.actions_registry("things")

    async def shout(context: ActionContext) -> Any:
        return {"text": context.input["text"].upper()}

    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    registry.register(name="shout", title="Shout", description="", input_schema=schema, action=shout)
    assert await registry.invoke("things:shout", data={"text": "a"}, credentials=USER) == {"text": "A"}
    actions = mock_services.actions(registry)
    assert [action.id for action in await actions.list(credentials=USER)] == ["things:shout"]
    assert await actions.invoke("things:shout", input={"text": "a"}, credentials=USER) == {"text": "A"}
    with pytest.raises(InputError):
        await actions.invoke("things:shout", credentials=USER)
    with pytest.raises(NotFoundError):
        await mock_services.actions().invoke("things:shout", input={}, credentials=USER)
    subject = await ServiceFactoryTester.from_factory(mock_services.actions.factory(registry)).get_subject()
    assert len(await subject.list(credentials=USER)) == 1


def test_permissions_registry() -> None:
    """T5, T6: the mock permissions registry is the real one without its routes."""
    registry = mock_services.permissions_registry("things")
    ref: PermissionResourceRef[Any, Any] = PermissionResourceRef("things", "thing")
    registry.add_resource_type(resource_ref=ref, permissions=[CREATE])
    assert registry.permissions == [CREATE]


async def test_system_metadata() -> None:
    """T5, T6: the mock system metadata names the plugins that it is given."""
    assert await mock_services.root_system_metadata(["a"]).get_installed_plugins() == [SystemPlugin("a")]
    tester = ServiceFactoryTester.from_factory(mock_services.root_system_metadata.factory(["a", "b"]))
    service = await tester.get_service(core_services.root_system_metadata)
    assert len(await service.get_installed_plugins()) == 2

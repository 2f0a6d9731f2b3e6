from typing import TYPE_CHECKING, Any

import pytest

from understage.config import config_from_data
from understage.errors import InputError
from understage.plugin_api import create_extension_point, create_service_factory, create_service_ref
from understage.wiring import BackendStartupError, UnexpectedStartupError
from understage.wiring.start.policy import read_policy

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World

PLUGIN, MODULE = "onPluginBootFailure", "onPluginModuleBootFailure"
absent_ref = create_service_ref(str, id="test.absent")
broken_ref = create_service_ref(str, id="test.broken")
point = create_extension_point(str, id="a.point")
other_point = create_extension_point(str, id="a.other")


@create_service_factory(service=broken_ref)
def broken_factory() -> str:
    raise ValueError("broken")


async def fails() -> None:
    raise ValueError("no")


def policy(startup: Any) -> Any:
    """Returns the policy that a `backend.startup` section gives."""
    return read_policy(config_from_data({"backend": {"startup": startup}}))


def test_nothing_may_fail_by_default() -> None:
    """W90: absent configuration means abort, for plugins and for modules."""
    for empty in (read_policy(None), read_policy(config_from_data({})), policy({}), policy({"default": None})):
        assert (empty.permits("a"), empty.permits("a", "m")) == (False, False)


def test_defaults_and_exceptions() -> None:
    """W90, W93: a setting by plugin id or by module id beats the default, in both directions."""
    read = policy(
        {
            "default": {PLUGIN: "continue", MODULE: "abort"},
            "plugins": {
                "strict": {PLUGIN: "abort", "modules": {"loose": {MODULE: "continue"}}},
                "plain": {"modules": {"m": {MODULE: "abort"}}},
            },
        }
    )
    assert (read.permits("any"), read.permits("strict"), read.permits("plain")) == (True, False, True)
    assert (read.permits("any", "m"), read.permits("strict", "loose"), read.permits("strict", "m")) == (
        False,
        True,
        False,
    )


def test_plugins_and_modules_are_told_apart() -> None:
    """W90: a plugin's setting never affects its modules, and the reverse; ids are case sensitive."""
    read = policy({"plugins": {"a": {PLUGIN: "continue"}, "b": {"modules": {"m": {MODULE: "continue"}}}}})
    assert (read.permits("a"), read.permits("a", "m")) == (True, False)
    assert (read.permits("b"), read.permits("b", "m")) == (False, True)
    assert (read.permits("A"), read.permits("b", "M")) == (False, False)


@pytest.mark.parametrize(
    ("startup", "message"),
    [
        (
            {"default": {PLUGIN: "ignore"}},
            "backend.startup.default.onPluginBootFailure: expected 'abort' or 'continue'",
        ),
        ({"default": "continue"}, "backend.startup.default: expected an object, got 'continue'"),
        ({"plugins": {"a": {PLUGIN: True}}}, "backend.startup.plugins.a.onPluginBootFailure: expected"),
        (
            {"plugins": {"a": {"modules": {"m": {MODULE: 1}}}}},
            "backend.startup.plugins.a.modules.m.onPluginModuleBootFailure: expected",
        ),
        ({"plugins": {"a": {"modules": []}}}, "backend.startup.plugins.a.modules: expected an object, got []"),
        ("continue", "backend.startup: expected an object, got 'continue'"),
    ],
)
def test_wrong_values_are_refused(startup: Any, message: str) -> None:
    """W90: a wrong value is an error that names the key, what was expected and what it is."""
    with pytest.raises(InputError) as caught:
        policy(startup)
    assert message in str(caught.value)


async def test_wrong_values_abort_the_start(world: "World") -> None:
    """W91: the policy is read up front, so that a wrong value aborts the start before anything runs."""
    world.config = {"backend": {"startup": {"default": {PLUGIN: "sometimes"}}}}
    with pytest.raises(UnexpectedStartupError, match="expected 'abort' or 'continue', got 'sometimes'"):
        await world.backend(world.plugin("a")).start()
    assert world.journal == []


async def test_values_are_read_once(world: "World") -> None:
    """W91: the policy does not change while plugins start."""
    world.config = {"backend": {"startup": {"plugins": {"a": {PLUGIN: "continue"}}}}}

    async def changes() -> None:
        world.config.clear()
        raise ValueError("no")

    assert (await world.backend(world.plugin("a", changes)).start()).outcome == "success"


def kinds_of_failure(world: "World") -> dict[str, list[Any]]:
    """Returns features with which plugin `a` or its module `m` fails, by the kind of failure."""
    return {
        "init": [world.plugin("a", fails)],
        "duplicate": [world.plugin("a"), world.plugin("a")],
        "missing dependency": [world.plugin("a", deps={"absent": absent_ref})],
        "service creation": [broken_factory, world.plugin("a", deps={"broken": broken_ref})],
        "extension point in a plugin": [world.plugin("a", points={point: ""}, deps={"point": point})],
        "module cycle": [
            world.plugin("a"),
            world.module("a", "x", points={point: ""}, deps={"d": other_point}),
            world.module("a", "y", points={other_point: ""}, deps={"d": point}),
        ],
    }


def kinds_of_module_failure(world: "World") -> dict[str, list[Any]]:
    """Returns features with which module `m` of plugin `a` fails, by the kind of failure."""
    return {
        "init": [world.module("a", "m", fails)],
        "duplicate": [world.module("a", "m"), world.module("a", "m")],
        "missing dependency": [world.module("a", "m", deps={"absent": absent_ref})],
        "service creation": [broken_factory, world.module("a", "m", deps={"broken": broken_ref})],
        "duplicate extension point": [world.module("a", "m", points={point: ""})],
    }


@pytest.mark.parametrize(
    "kind",
    ["init", "duplicate", "missing dependency", "service creation", "extension point in a plugin", "module cycle"],
)
async def test_the_policy_covers_plugin_failures(world: "World", kind: str) -> None:
    """W92: any failure of a plugin fails the start, unless the policy permits it; other plugins run either way."""
    features = [*kinds_of_failure(world)[kind], world.plugin("b")]
    with pytest.raises(BackendStartupError, match="plugin 'a' failed; "):
        await world.backend(*features).start()
    assert "b" in world.journal
    world.config = {"backend": {"startup": {"plugins": {"a": {PLUGIN: "continue"}}}}}
    result = await world.backend(*features).start()
    failure = next(plugin.failure for plugin in result.plugins if plugin.plugin_id == "a")
    assert failure is not None
    assert failure.allowed


@pytest.mark.parametrize(
    "kind", ["init", "duplicate", "missing dependency", "service creation", "duplicate extension point"]
)
async def test_the_policy_covers_module_failures(world: "World", kind: str) -> None:
    """W92, W93: any failure of a module is looked up by the module's id, and is never the plugin's."""
    features = [world.plugin("a", points={point: ""}), *kinds_of_module_failure(world)[kind]]
    with pytest.raises(BackendStartupError, match="module 'm' of plugin 'a' failed; "):
        await world.backend(*features).start()
    assert "a" in world.journal
    world.config = {"backend": {"startup": {"plugins": {"a": {"modules": {"m": {MODULE: "continue"}}}}}}}
    (plugin,) = (await world.backend(*features).start()).plugins
    assert plugin.failure is None
    assert [module.failure.allowed for module in plugin.modules if module.failure] == [True]

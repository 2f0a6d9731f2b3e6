"""A process that runs some of a backend's plugins."""

from typing import TYPE_CHECKING

import pytest

from understage.plugin_api import core_services
from understage.wiring import BackendStateError, PluginSelectionError, UnexpectedStartupError

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


async def test_the_other_plugins_and_their_modules_are_left_out(world: "World") -> None:
    """Only the plugins that were chosen register and run, with their modules, and only they count as installed."""
    backend = world.backend(world.plugin("a"), world.module("a", "m"), world.plugin("b"), world.module("b", "m"))
    backend.run_only(["a"])
    result = await backend.start()
    assert [plugin.plugin_id for plugin in result.plugins] == ["a"]
    assert [entry for entry in world.journal if "startup" not in entry] == ["a.m", "a"]
    metadata = await backend.services.get(core_services.root_instance_metadata)
    assert [plugin.plugin_id for plugin in await metadata.get_installed_plugins()] == ["a"]
    assert (await backend.inspect()).orphans == ()


async def test_a_backend_without_plugins_starts(world: "World") -> None:
    """No plugin at all may be chosen: root services run all the same."""
    backend = world.backend(world.plugin("a"))
    backend.run_only([])
    assert (await backend.start()).plugins == ()
    assert "a" not in world.journal


async def test_a_plugin_that_nobody_added_fails_the_start(world: "World") -> None:
    """The error names the plugins that are missing, and those that there are."""
    backend = world.backend(world.plugin("a"), world.plugin("b"))
    backend.run_only(["a", "catalogue"])
    with pytest.raises(UnexpectedStartupError) as caught:
        await backend.start()
    (error,) = caught.value.errors
    assert isinstance(error, PluginSelectionError)
    assert str(error) == (
        "the backend has no plugin 'catalogue'\n  hint: add it with backend.add(), or choose from: 'a', 'b'"
    )


async def test_plugins_are_chosen_before_the_start(world: "World") -> None:
    """A backend that has started keeps its plugins."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    with pytest.raises(BackendStateError, match="call run_only"):
        backend.run_only([])

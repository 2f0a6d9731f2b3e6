import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from understage.errors import ConflictError, InputError
from understage.wiring import BackendStartupError
from understage.wiring.start.results import ResultCollector

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


def after(seconds: float, error: BaseException | None = None) -> Any:
    """Returns an init that takes a while and maybe fails."""

    async def init() -> None:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error

    return init


async def test_the_result_tells_what_became_of_everything(world: "World") -> None:
    """W100: the result has times, an outcome, and an entry for each plugin with its modules and failures."""
    world.config = {"backend": {"startup": {"plugins": {"bad": {"onPluginBootFailure": "continue"}}}}}
    error = ValueError("no")
    before = datetime.now(UTC)
    result = await world.backend(
        world.plugin("good"), world.module("good", "m"), world.plugin("bad", after(0.01, error))
    ).start()
    assert before <= result.begin_at <= result.plugins[0].modules[0].result_at <= result.plugins[0].result_at
    assert result.plugins[0].result_at <= result.plugins[1].result_at <= result.result_at <= datetime.now(UTC)
    assert result.outcome == "success"
    assert (result.plugins[0].plugin_id, result.plugins[0].failure) == ("good", None)
    assert result.plugins[1].failure is not None
    assert result.plugins[1].failure.allowed


async def test_the_result_has_a_json_form(world: "World") -> None:
    """W100: the JSON form has the names beginAt, resultAt, outcome, plugins, pluginId, modules, moduleId, failure."""
    error = InputError("bad url")
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a"), world.module("a", "m", after(0, error))).start()
    body = caught.value.result.to_json()
    assert list(body) == ["beginAt", "resultAt", "outcome", "plugins"]
    assert body["outcome"] == "failure"
    assert datetime.fromisoformat(body["beginAt"]).tzinfo is not None
    (plugin,) = body["plugins"]
    assert (plugin["pluginId"], "failure" in plugin) == ("a", False)
    (module,) = plugin["modules"]
    assert (module["moduleId"], module["failure"]) == (
        "m",
        {"error": {"name": "InputError", "message": "bad url"}, "allowed": False},
    )


async def test_a_failed_plugin_in_json(world: "World") -> None:
    """W100: a failed plugin carries its failure in the JSON form."""
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a", after(0, ValueError("no")))).start()
    (plugin,) = caught.value.result.to_json()["plugins"]
    assert plugin["failure"] == {"error": {"name": "ValueError", "message": "no"}, "allowed": False}


async def test_entries_are_in_order_of_completion(world: "World") -> None:
    """W101: plugins and modules are listed in the order in which they finished."""
    result = await world.backend(
        world.plugin("slow", after(0.03)),
        world.plugin("quick"),
        world.module("quick", "slow", after(0.01)),
        world.module("quick", "quick"),
    ).start()
    assert [plugin.plugin_id for plugin in result.plugins] == ["quick", "slow"]
    assert [module.module_id for module in result.plugins[0].modules] == ["quick", "slow"]


async def test_errors_are_not_wrapped(world: "World") -> None:
    """W102: the failure's error is the original error object."""
    plugin_error, module_error = ValueError("plugin"), KeyError("module")
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(
            world.plugin("a", after(0, plugin_error)), world.module("a", "m", after(0, module_error))
        ).start()
    (plugin,) = caught.value.result.plugins
    assert plugin.failure is not None
    assert plugin.failure.error is plugin_error
    assert plugin.modules[0].failure is not None
    assert plugin.modules[0].failure.error is module_error


async def test_the_error_lists_what_is_not_permitted(world: "World") -> None:
    """W103: the error is a BackendStartupError with the result, and a line for each failure that is not permitted."""
    world.config = {"backend": {"startup": {"plugins": {"c": {"onPluginBootFailure": "continue"}}}}}
    backend = world.backend(
        world.plugin("a", after(0, ValueError("no database"))),
        world.plugin("b", after(0.01)),
        world.module("b", "m", after(0, InputError("no url"))),
        world.plugin("c", after(0, ValueError("permitted"))),
    )
    with pytest.raises(BackendStartupError) as caught:
        await backend.start()
    assert caught.value.name == "BackendStartupError"
    assert str(caught.value) == (
        "the backend failed to start:\n"
        "  plugin 'a' failed; ValueError: no database\n"
        "  module 'm' of plugin 'b' failed; InputError: no url"
    )
    assert caught.value.result is backend.result


async def test_every_failure_is_logged(world: "World") -> None:
    """W104: permitted failures are logged at error level too, and the log says that they are permitted."""
    world.config = {"backend": {"startup": {"plugins": {"a": {"onPluginBootFailure": "continue"}}}}}
    error = ValueError("no")
    with pytest.raises(BackendStartupError):
        await world.backend(
            world.plugin("a", after(0, error)), world.plugin("b"), world.module("b", "m", after(0, error))
        ).start()
    assert sorted(world.logger.messages("error")) == [
        "module 'm' of plugin 'b' failed to start: ValueError: no",
        "plugin 'a' failed to start; the configuration permits it, so the start goes on without it: ValueError: no",
    ]
    metadata = {tuple(sorted(entry.items())) for level, _, entry in world.logger.entries if level == "error"}
    assert (("plugin", "a"), ("type", "initialization")) in metadata
    assert [entry["error"] for level, _, entry in world.logger.entries if level == "debug"] == [error, error]


def test_a_result_is_final() -> None:
    """W72, W100: once finished, the result stays the same, and a module that never ran cannot be amended."""
    told: list[object] = []
    results = ResultCollector(lambda _plugin, _module: False, lambda *entry: told.append(entry))
    results.module("a", "m")
    results.plugin("a")
    final = results.finish()
    assert results.amend_module("a", "m", ValueError("late")) is False
    assert results.finish() is final
    assert told == []
    with pytest.raises(ConflictError):
        results.amend_module("a", "never", ValueError("late"))

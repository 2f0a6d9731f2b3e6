import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from understage.plugin_api import PluginMetadata, core_services, create_service_factory
from understage.wiring import BackendStartupError, BackendStateError, UnexpectedStartupError, WiringError

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


async def test_stopping_twice_is_stopping_once(world: "World") -> None:
    """W110: stop is idempotent: a second call, at the same time or later, waits for the first."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    await asyncio.gather(backend.stop(), backend.stop())
    await backend.stop()
    assert world.journal.count("root shutdown") == 1


async def test_stopping_before_the_start(world: "World") -> None:
    """W110: before the start, stop resolves at once, and makes a later start fail."""
    backend = world.backend(world.plugin("a"))
    await backend.stop()
    await backend.stop()
    with pytest.raises(BackendStateError, match="it is stopped already"):
        await backend.start()
    assert world.journal == []


async def test_stop_waits_for_a_running_start(world: "World") -> None:
    """W111: stop waits for a running start to settle, and only then begins."""
    release = asyncio.Event()

    async def waits() -> None:
        await release.wait()
        world.journal.append("a")

    backend = world.backend(world.plugin("a", waits))
    starting = asyncio.create_task(backend.start())
    await asyncio.sleep(0.005)
    stopping = asyncio.create_task(backend.stop())
    await asyncio.sleep(0.005)
    assert world.journal == []
    release.set()
    await stopping
    assert (await starting).outcome == "success"
    assert world.journal[:3] == ["a", "a startup", "root startup"]
    assert world.journal[-1] == "root shutdown"


async def test_stop_ignores_the_error_of_the_start(world: "World") -> None:
    """W111: a failed start is stopped like any other, and its error does not come out of stop."""

    async def fails() -> None:
        raise ValueError("no")

    backend = world.backend(world.plugin("a", fails), world.plugin("b"))
    starting = asyncio.create_task(backend.start())
    await asyncio.sleep(0)
    await backend.stop()
    assert isinstance(starting.exception(), BackendStartupError)
    assert "b shutdown" in world.journal


async def test_the_phases_of_a_stop(world: "World") -> None:
    """W111: root before-shutdown hooks, then all plugins' shutdown hooks in parallel, then root shutdown hooks."""
    together = asyncio.Barrier(2)

    async def meet() -> None:
        await asyncio.wait_for(together.wait(), 5)

    async def slow() -> None:
        await asyncio.sleep(0.01)
        world.journal.append("root is about to shut down")

    world.hooks.update({"a shutdown": meet, "b shutdown": meet, "root before_shutdown": slow})
    backend = world.backend(world.plugin("a"), world.plugin("b"))
    await backend.start()
    world.journal.clear()
    await backend.stop()
    assert world.journal == [
        "root before_shutdown",
        "root is about to shut down",
        "a shutdown",
        "b shutdown",
        "root shutdown",
    ]


async def test_a_plugin_that_fails_to_shut_down_is_swallowed(world: "World") -> None:
    """W111: a plugin's failing shutdown is logged, and stops neither the other plugins nor the root."""

    async def fails() -> None:
        raise ValueError("no")

    world.hooks["a shutdown"] = fails
    backend = world.backend(world.plugin("a"), world.plugin("b"))
    await backend.start()
    await backend.stop()
    assert world.logger.messages("error") == ["Plugin 'a' failed to shut down"]
    assert world.journal[-2:] == ["b shutdown", "root shutdown"]


async def test_a_root_that_fails_to_shut_down_fails_the_stop(world: "World") -> None:
    """W112: a failing root phase fails the stop, after all phases have run."""

    async def fails() -> None:
        raise ValueError("no")

    world.hooks["root before_shutdown"] = fails
    backend = world.backend(world.plugin("a"))
    await backend.start()
    with pytest.raises(ExceptionGroup, match="did not stop cleanly"):
        await backend.stop()
    assert world.journal[-2:] == ["a shutdown", "root shutdown"]
    assert backend.state == "stopped"
    world.backends.clear()


async def test_hooks_of_a_phase_fire_once(world: "World") -> None:
    """W113: each phase of each lifecycle is run exactly once by a start and a stop."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    await backend.stop()
    await backend.stop()
    assert sorted(world.journal) == sorted(
        ["a", "a startup", "a shutdown", "root startup", "root before_shutdown", "root shutdown"]
    )


async def test_root_has_a_phase_more_than_plugins(world: "World") -> None:
    """W114: plugins have startup and shutdown; the root has a phase before shutdown as well."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    await backend.stop()
    assert "root before_shutdown" in world.journal
    assert "a before_shutdown" not in world.journal


async def test_the_backend_itself_shuts_plugins_down(world: "World") -> None:
    """W115: plugins' shutdown hooks are run by the backend, before the root's, not as a part of them."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    await backend.stop()
    assert world.journal.index("a shutdown") < world.journal.index("root shutdown")


async def test_a_hanging_hook_hangs_the_stop(world: "World") -> None:
    """W116: there is no timeout: stop waits for its hooks, however long they take."""
    release = asyncio.Event()
    world.hooks["a shutdown"] = release.wait
    backend = world.backend(world.plugin("a"))
    await backend.start()
    stopping = asyncio.create_task(backend.stop())
    await asyncio.sleep(0.02)
    assert not stopping.done()
    assert "root shutdown" not in world.journal
    release.set()
    await stopping
    assert "root shutdown" in world.journal


async def test_a_caller_that_gives_up_does_not_break_the_stop(world: "World") -> None:
    """W110: a stop goes on to its end when the task that called it is cancelled."""
    release = asyncio.Event()
    world.hooks["a shutdown"] = release.wait
    backend = world.backend(world.plugin("a"))
    await backend.start()
    caller = asyncio.create_task(backend.stop())
    await asyncio.sleep(0.005)
    caller.cancel()
    release.set()
    await backend.stop()
    assert world.journal[-1] == "root shutdown"


async def test_a_plugin_lifecycle_of_ones_own_must_offer_its_entry_points(world: "World") -> None:
    """W117: a lifecycle service without startup or shutdown fails its plugins, with an error that names them."""

    @create_service_factory(service=core_services.lifecycle)
    def lifecycle(plugin: PluginMetadata) -> Any:
        return plugin

    with pytest.raises(BackendStartupError, match=r"service 'core\.lifecycle' is a .* without startup, shutdown"):
        await world.backend(lifecycle, world.plugin("a")).start()


async def test_a_root_lifecycle_of_ones_own_must_offer_its_entry_points(world: "World") -> None:
    """W117: a root lifecycle service without its entry points fails the start and the stop."""

    @create_service_factory(service=core_services.root_lifecycle)
    def lifecycle() -> Any:
        return object()

    backend = world.backend(lifecycle, world.plugin("a"))
    with pytest.raises(UnexpectedStartupError, match="without startup, before_shutdown, shutdown"):
        await backend.start()
    with pytest.raises(WiringError, match="a lifecycle service of your own must offer"):
        await backend.stop()
    world.backends.clear()


async def test_an_inspected_backend_can_be_stopped(world: "World") -> None:
    """W110: a backend that was only inspected stops at once, and cannot be started afterwards."""
    backend = world.backend(world.plugin("a"))
    await backend.inspect()
    await backend.stop()
    assert world.journal == []
    with pytest.raises(BackendStateError):
        await backend.start()

"""Hooks of plugins."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from understage.defaults.lifecycle import DefaultLifecycle, lifecycle_service_factory
from understage.errors import ConflictError

Phase = tuple[Callable[[Any], None], Callable[[], Awaitable[None]]]


@pytest.fixture
def lifecycle(logger: Any) -> DefaultLifecycle:
    return DefaultLifecycle(logger, owner="plugin 'catalog'")


@pytest.fixture(params=["startup", "shutdown"])
def phase(request: pytest.FixtureRequest, lifecycle: DefaultLifecycle) -> tuple[Any, Any]:
    """The functions that add a hook to a phase, and that run it."""
    return getattr(lifecycle, f"add_{request.param}_hook"), getattr(lifecycle, request.param)


async def test_hooks_run_concurrently(phase: Any) -> None:
    """W113, W114: hooks of a phase run at the same time, plain functions and coroutines alike."""
    add, run = phase
    meeting = asyncio.Barrier(2)
    plain: list[str] = []
    add(meeting.wait)
    add(meeting.wait)
    add(lambda: plain.append("ran"))
    await asyncio.wait_for(run(), 1)
    assert plain == ["ran"]


async def test_failing_hooks_are_logged(phase: Any, logger: Any) -> None:
    """W113: a failing hook is logged, names its owner, and fails neither the phase nor other hooks."""
    add, run = phase
    ran: list[str] = []
    error = ValueError("boom")

    async def fail() -> None:
        raise error

    add(fail)
    add(lambda: ran.append("ran"))
    await run()
    assert ran == ["ran"]
    [(message, metadata)] = logger.of("error")
    assert "hook of plugin 'catalog' failed: boom" in message
    assert metadata == {"error": error}


async def test_hooks_may_bring_their_logger(phase: Any, logger: Any) -> None:
    """W113: a hook's own logger gets its failure."""
    add, run = phase
    own = type(logger)()

    def fail() -> None:
        raise ValueError("boom")

    add(fail, logger=own)
    await run()
    assert (len(own.entries), logger.entries) == (1, [])


async def test_phases_fire_once(phase: Any) -> None:
    """W113: a phase that is run twice runs its hooks once."""
    add, run = phase
    ran: list[str] = []
    add(lambda: ran.append("ran"))
    await run()
    await run()
    assert ran == ["ran"]


async def test_late_hooks_are_refused(phase: Any) -> None:
    """W113: adding a hook to a phase that has fired raises, also from within one of its hooks."""
    add, run = phase
    refused: list[str] = []

    def late() -> None:
        try:
            add(lambda: None)
        except ConflictError as error:
            refused.append(str(error))

    add(late)
    await run()
    assert "hook to plugin 'catalog'" in refused[0]
    with pytest.raises(ConflictError, match="has begun already"):
        add(lambda: None)


async def test_hooks_have_no_timeout(phase: Any) -> None:
    """W116: a phase waits for its slowest hook, however long that takes."""
    add, run = phase
    release = asyncio.Event()
    add(release.wait)
    running = asyncio.create_task(run())
    await asyncio.sleep(0.02)
    assert not running.done()
    release.set()
    await running


@asynccontextmanager
async def noted(events: list[str], name: str, failing: str = "") -> AsyncIterator[None]:
    if failing == "up":
        raise ValueError(name)
    events.append(f"{name} up")
    try:
        yield
    finally:
        events.append(f"{name} down")
    if failing == "down":
        raise ValueError(name)


async def test_surroundings_enclose_the_hooks(lifecycle: DefaultLifecycle) -> None:
    """W114: surrounding contexts are entered before the startup hooks and left after the shutdown hooks."""
    events: list[str] = []
    lifecycle.add_startup_hook(lambda: events.append("start"))
    lifecycle.add_shutdown_hook(lambda: events.append("stop"))
    lifecycle.surround(lambda: noted(events, "a"))
    lifecycle.surround(lambda: noted(events, "b"))
    await lifecycle.startup()
    await lifecycle.shutdown()
    assert events == ["a up", "b up", "start", "stop", "b down", "a down"]
    with pytest.raises(ConflictError, match="plugin 'catalog'"):
        lifecycle.surround(lambda: noted(events, "late"))


async def test_a_surrounding_that_fails_fails_the_start(lifecycle: DefaultLifecycle) -> None:
    """W51: unlike a hook, a surrounding context that fails makes startup raise; what was entered is left again."""
    events: list[str] = []
    lifecycle.add_startup_hook(lambda: events.append("start"))
    lifecycle.surround(lambda: noted(events, "a"))
    lifecycle.surround(lambda: noted(events, "b", failing="up"))
    with pytest.raises(ValueError, match="b"):
        await lifecycle.startup()
    await lifecycle.shutdown()
    assert events == ["a up", "a down"]


async def test_a_surrounding_that_does_not_end_well_is_logged(lifecycle: DefaultLifecycle, logger: Any) -> None:
    """W111: a context that fails while it is left is logged, and shutdown goes on."""
    lifecycle.surround(lambda: noted([], "a", failing="down"))
    await lifecycle.startup()
    await lifecycle.shutdown()
    assert logger.messages("error")[0] == "plugin 'catalog' did not stop cleanly: a"


async def test_shutdown_without_startup(lifecycle: DefaultLifecycle) -> None:
    """W111: a plugin that never started runs its shutdown hooks, but leaves no context that it never entered."""
    events: list[str] = []
    lifecycle.surround(lambda: noted(events, "a"))
    lifecycle.add_shutdown_hook(lambda: events.append("stop"))
    await lifecycle.shutdown()
    assert events == ["stop"]


async def test_factory_names_the_plugin(logger: Any) -> None:
    """W117: the default lifecycle of a plugin offers startup and shutdown to the backend, and names the plugin."""

    class Metadata:
        id = "search"

    lifecycle: Any = lifecycle_service_factory.factory(logger=logger, plugin=Metadata())
    await lifecycle.startup()
    with pytest.raises(ConflictError, match="plugin 'search'"):
        lifecycle.add_startup_hook(lambda: None)
    await lifecycle.shutdown()

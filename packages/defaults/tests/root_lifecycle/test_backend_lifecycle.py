"""Hooks of the backend."""

from typing import Any

import pytest

from understage.defaults.lifecycle import DefaultLifecycle
from understage.defaults.root_lifecycle import root_lifecycle_service_factory
from understage.errors import ConflictError


async def test_three_phases(logger: Any) -> None:
    """W114, W117: the root lifecycle has startup, before-shutdown and shutdown hooks, each phase on its own."""
    lifecycle: Any = root_lifecycle_service_factory.factory(logger=logger)
    events: list[str] = []
    lifecycle.add_shutdown_hook(lambda: events.append("shutdown"))
    lifecycle.add_before_shutdown_hook(lambda: events.append("before"))
    lifecycle.add_startup_hook(lambda: events.append("startup"))
    for step in (lifecycle.startup, lifecycle.before_shutdown, lifecycle.shutdown):
        await step()
        await step()
    assert events == ["startup", "before", "shutdown"]


async def test_late_before_shutdown_hooks_are_refused(logger: Any) -> None:
    """W113: a before-shutdown hook that comes after the phase raises; shutdown hooks can still be added."""
    lifecycle: Any = root_lifecycle_service_factory.factory(logger=logger)
    await lifecycle.before_shutdown()
    with pytest.raises(ConflictError, match="before-shutdown hook to the backend"):
        lifecycle.add_before_shutdown_hook(lambda: None)
    lifecycle.add_shutdown_hook(lambda: None)


async def test_failing_before_shutdown_hooks_are_logged(logger: Any) -> None:
    """W113: a failing before-shutdown hook is logged and does not keep the backend from stopping."""
    lifecycle: Any = root_lifecycle_service_factory.factory(logger=logger)

    def fail() -> None:
        raise ValueError("boom")

    lifecycle.add_before_shutdown_hook(fail)
    await lifecycle.before_shutdown()
    assert logger.messages("error")[0] == "A before-shutdown hook of the backend failed: boom"


async def test_plugins_are_not_forwarded(logger: Any) -> None:
    """W115: shutting down the backend's lifecycle runs only its own hooks; plugins are shut down by the backend."""
    events: list[str] = []
    plugin = DefaultLifecycle(logger, owner="plugin 'x'")
    plugin.add_shutdown_hook(lambda: events.append("plugin"))
    root: Any = root_lifecycle_service_factory.factory(logger=logger)
    root.add_shutdown_hook(lambda: events.append("root"))
    await root.shutdown()
    assert events == ["root"]

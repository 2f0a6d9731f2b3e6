"""Requests to plugins that start or stop."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from understage.plugin_api import Receive, Scope, Send


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def config(timeout: object) -> dict[str, Any]:
    return {"backend": {"lifecycle": {"startupRequestPauseTimeout": timeout}}}


async def test_requests_wait_for_the_start(make_plugin: Callable[..., Any]) -> None:
    """H60: a request that comes before the startup hooks is held, and proceeds with them."""
    plugin = make_plugin()
    plugin.router.use(ok)
    waiting = asyncio.create_task(plugin.get("/x"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await plugin.lifecycle.startup()
    assert (await waiting).text == "ok"


@pytest.mark.parametrize("pause", ["20ms", {"milliseconds": 20}, "PT0.02S"])
async def test_requests_do_not_wait_for_ever(make_plugin: Callable[..., Any], pause: object) -> None:
    """H60, H62, H63: after the configured pause a request to a plugin that never starts is a 503 document."""
    plugin = make_plugin(config(pause))
    plugin.router.use(ok)
    response = await plugin.get("/x")
    assert response.status_code == 503
    assert response.json()["error"] == {
        "name": "ServiceUnavailableError",
        "message": "Service has not started up yet",
    }


async def test_default_pause_is_five_seconds(make_plugin: Callable[..., Any]) -> None:
    """H60: without configuration a request waits for five seconds."""
    assert make_plugin().router._pause._timeout == 5


async def test_stopping_plugins_refuse_requests(make_plugin: Callable[..., Any]) -> None:
    """H60: once the plugin shuts down, requests get 503 at once."""
    plugin = make_plugin()
    plugin.router.use(ok)
    await plugin.lifecycle.startup()
    await plugin.lifecycle.shutdown()
    response = await plugin.get("/x")
    assert response.status_code == 503
    assert response.json()["error"] == {"name": "ServiceUnavailableError", "message": "Service is shutting down"}


async def test_refusals_are_no_errors_in_the_log(make_plugin: Callable[..., Any]) -> None:
    """H60: refusing requests while the plugin stops is normal; the log says so in a warning, without a traceback."""
    plugin = make_plugin()
    await plugin.lifecycle.startup()
    await plugin.lifecycle.shutdown()
    await plugin.get("/x")
    assert plugin.logger.of("error") == []
    ((message, metadata),) = plugin.logger.of("warning")
    assert message == "Request refused with status 503: Service is shutting down"
    assert "error" not in metadata


async def test_held_requests_are_refused_when_the_plugin_stops(make_plugin: Callable[..., Any]) -> None:
    """H60: requests that are held when the plugin shuts down get 503 at once."""
    plugin = make_plugin()
    waiting = asyncio.create_task(plugin.get("/x"))
    await asyncio.sleep(0.02)
    await plugin.lifecycle.shutdown()
    response = await asyncio.wait_for(waiting, 1)
    assert response.json()["error"]["message"] == "Service is shutting down"

"""The mount that answers for plugins which are not in this backend."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.errors import ConflictError
from understage.plugin_api import Receive, Scope, Send


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells what it was asked, with a CORS header of its own."""
    headers = [(b"access-control-allow-origin", b"http://own"), (b"vary", b"Accept")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": f"elsewhere {scope['root_path']} {scope['path']}".encode()})


async def local(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"local {scope['root_path']}".encode()})


async def test_other_plugins_have_a_mount_of_their_own(make_root: Callable[..., Any]) -> None:
    """D20, H1: a mount at /api/:pluginId answers for plugins that are not here, whatever is mounted first."""
    root = make_root()
    root.use("/api/:pluginId", elsewhere)
    root.use("/api/catalog", local)
    root.use("/api/deep/mount", local)
    root.use("/other", local)
    assert (await root.client.get("/api/catalog/x")).text == "local /api/catalog"
    assert (await root.client.get("/api/deep/mount/x")).text == "local /api/deep/mount"
    assert (await root.client.get("/other")).text == "local /other"
    assert (await root.client.get("/api/Search/x/y")).text == "elsewhere /api/Search /api/Search/x/y"
    assert (await root.client.get("/api/search")).text == "elsewhere /api/search /api/search"
    for path in ("/api", "/api/", "/api//x", "/nope"):
        response = await root.client.get(path)
        assert (response.status_code, response.content) == (404, b""), path
    assert (await root.client.get("/api/search/%zz")).status_code == 400


async def test_there_is_one_such_mount(make_root: Callable[..., Any]) -> None:
    """H3: a second mount for all other plugins is a conflict."""
    root = make_root()
    root.use("/api/:pluginId", elsewhere)
    with pytest.raises(ConflictError, match="cannot mount an app at '/api/:pluginId': there is one already"):
        root.use("/api/:pluginId/", elsewhere)


async def test_answers_that_are_passed_on_keep_their_headers(make_root: Callable[..., Any]) -> None:
    """H33, D20: CORS headers that an answer brings along replace ours, so that no browser sees two of them."""
    root = make_root({"backend": {"cors": {"origin": "http://app", "credentials": True}}})
    root.use("/api/:pluginId", elsewhere)
    response = await root.client.get("/api/search", headers={"origin": "http://app"})
    assert response.headers.get_list("access-control-allow-origin") == ["http://own"]
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["vary"] == "Origin, Accept"

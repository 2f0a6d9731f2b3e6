"""Which app answers which path of the server."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.defaults.root_http_router import root_http_router_service_factory
from understage.errors import ConflictError, InputError
from understage.plugin_api import ASGIApp, Receive, Scope, Send


def named(name: str) -> ASGIApp:
    """Returns an app that answers GET with its name, root path and path, and the rest with an empty 404."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = f"{name} {scope['root_path']} {scope['path']}".encode()
        found = scope["method"] == "GET"
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": []})
        await send({"type": "http.response.body", "body": body if found else b""})

    return app


async def test_plugins_are_dispatched_by_id(make_root: Callable[..., Any]) -> None:
    """H1: a plugin answers below /api/<pluginId>, in any case of letters, and sees the full path."""
    root = make_root()
    root.use("/api/catalog", named("catalog"))
    assert (await root.client.get("/api/catalog/entities")).text == "catalog /api/catalog /api/catalog/entities"
    assert (await root.client.get("/api/catalog")).text == "catalog /api/catalog /api/catalog"
    assert (await root.client.get("/api/catalog/")).text == "catalog /api/catalog /api/catalog/"
    assert (await root.client.get("/API/Catalog/x")).text == "catalog /API/Catalog /API/Catalog/x"


@pytest.mark.parametrize("path", ["/api", "/api/", "/API", "/api/nope", "/api/nope/x", "/api/cat/x", "/api//x"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_unknown_api_paths_are_an_empty_404(make_root: Callable[..., Any], path: str, method: str) -> None:
    """H1, H6: what no plugin answers under /api is an empty 404 for every method and never reaches the index."""
    root = make_root()
    root.use("/api/app", named("app"))
    root.use("/api/catalog", named("catalog"))
    response = await root.client.request(method, path)
    assert (response.status_code, response.content) == (404, b"")
    assert "content-type" not in response.headers
    assert "etag" not in response.headers
    assert "vary" not in response.headers
    assert response.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "path", ["/", "/catalog/default/component/x", "/.backstage/health/v1/nope", "/.backstage/instanceMetadata/v1/info"]
)
async def test_index_answers_the_rest(make_root: Callable[..., Any], path: str) -> None:
    """H2: the mount of the index path serves every path outside of /api that nothing else matches."""
    root = make_root()
    root.use("/api/app", named("app"))
    assert (await root.client.get(path)).text == f"app  {path}"
    assert (await root.client.get("/api/app/x")).text == "app /api/app /api/app/x"
    response = await root.client.post(path, json={})
    assert (response.status_code, response.content) == (404, b"")


async def test_index_can_be_elsewhere_or_off(make_root: Callable[..., Any]) -> None:
    """H2: another index path is honoured, and without one the rest is an empty 404."""
    root = make_root(index_path="/api/portal/")
    root.use("/api/app", named("app"))
    root.use("/api/portal", named("portal"))
    assert (await root.client.get("/x")).text == "portal  /x"
    off = make_root(index_path=None)
    off.use("/api/app", named("app"))
    response = await off.client.get("/x")
    assert (response.status_code, response.content) == (404, b"")


@pytest.mark.parametrize("path", ["", "/", "//"])
def test_empty_index_path_is_an_error(path: str) -> None:
    """H2: an empty index path is refused when the backend is put together."""
    with pytest.raises(InputError, match="the index path is empty"):
        root_http_router_service_factory(index_path=path)


@pytest.mark.parametrize("path", ["", "/", "//", "  "])
def test_root_mounts_need_a_path(make_root: Callable[..., Any], path: str) -> None:
    """H3: an empty or slash-only path is rejected."""
    with pytest.raises(InputError, match="may not be empty"):
        make_root().use(path, named("x"))


@pytest.mark.parametrize(
    ("first", "second"), [("/a", "/a"), ("/a/b", "/a"), ("/a", "/a/b"), ("/a/", "/a"), ("/api/x", "/api/x/y")]
)
def test_root_mounts_must_not_overlap(make_root: Callable[..., Any], first: str, second: str) -> None:
    """H3: a path that is a prefix of a mounted one, either way round, is a conflict that names both."""
    root = make_root()
    root.use(first, named("first"))
    with pytest.raises(ConflictError) as caught:
        root.use(second, named("second"))
    assert second in str(caught.value)
    assert first.rstrip("/") in str(caught.value)


async def test_root_mounts_match_on_segment_boundaries(make_root: Callable[..., Any]) -> None:
    """H3: /a and /ab do not conflict, and each answers its own paths."""
    root = make_root()
    root.use("/a", named("a"))
    root.use("/ab", named("ab"))
    root.use("/.well-known/thing", named("thing"))
    assert (await root.client.get("/a/x")).text == "a /a /a/x"
    assert (await root.client.get("/ab")).text == "ab /ab /ab"
    assert (await root.client.get("/.well-known/thing")).text == "thing /.well-known/thing /.well-known/thing"
    assert (await root.client.get("/abc")).status_code == 404


async def test_malformed_paths_of_root_mounts_are_400(make_root: Callable[..., Any]) -> None:
    """H20: malformed percent-encoding in a path is an InputError document with the full address."""
    root = make_root()
    root.use("/a", named("a"))
    response = await root.client.get("/a/%zz?q=1")
    assert response.status_code == 400
    assert response.json()["error"]["name"] == "InputError"
    assert response.json()["request"] == {"method": "GET", "url": "/a/%zz?q=1"}


async def test_failing_root_mounts_answer_documents(make_root: Callable[..., Any]) -> None:
    """H20: what a root mount raises becomes an error document with the full address."""
    root = make_root()

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise InputError("no good")

    root.use("/a", fail)
    response = await root.client.get("/a/b?c=d")
    assert response.status_code == 400
    assert response.json() == {
        "error": {"name": "InputError", "message": "no good"},
        "request": {"method": "GET", "url": "/a/b?c=d"},
        "response": {"statusCode": 400},
    }

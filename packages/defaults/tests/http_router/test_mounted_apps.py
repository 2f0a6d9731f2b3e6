"""Apps that plugins mount: prefixes, lifespans, state and failures."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router

from understage.defaults.root_http_router.error_answers import ResponseAbortedError
from understage.defaults.root_http_router.lifespan import LifespanError
from understage.errors import (
    ConflictError,
    ForwardedError,
    InputError,
    NotModifiedError,
    ServiceUnavailableError,
    UnderstageError,
)
from understage.plugin_api import Receive, Scope, Send


async def started(make_plugin: Callable[..., Any], *apps: Any, **options: Any) -> Any:
    plugin = make_plugin(**options)
    for app in apps:
        plugin.router.use(app)
    await plugin.lifecycle.startup()
    return plugin


def raising(error: Exception) -> Starlette:
    async def fail(request: Request) -> Response:
        raise error

    return Starlette(routes=[Route("/x", fail, methods=["GET"])])


def named(name: str) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"{name} {scope['root_path']}".encode()})

    return app


async def test_longest_prefix_wins(make_plugin: Callable[..., Any]) -> None:
    """H1: of several mounts the longest prefix on a segment boundary answers, with its own root path."""
    plugin = make_plugin()
    plugin.router.use(named("root"))
    plugin.router.use(named("b"), path="/a/b/")
    plugin.router.use(named("a"), path="a")
    await plugin.lifecycle.startup()
    assert (await plugin.get("/a/b/c")).text == "b /api/test/a/b"
    assert (await plugin.get("/a/bc")).text == "a /api/test/a"
    assert (await plugin.get("/ab")).text == "root /api/test"
    assert (await plugin.get("")).text == "root /api/test"


def test_same_prefix_twice_is_a_conflict(make_plugin: Callable[..., Any]) -> None:
    """H3: mounting a second app at the same prefix is an error that names plugin and path."""
    plugin = make_plugin()
    plugin.router.use(named("a"))
    plugin.router.use(named("a"), path="/x")
    with pytest.raises(ConflictError, match="'/x/': plugin 'test'"):
        plugin.router.use(named("b"), path="/x/")
    with pytest.raises(ConflictError, match="plugin 'test'"):
        plugin.router.use(named("b"))


async def test_mounting_after_the_start_is_an_error(make_plugin: Callable[..., Any]) -> None:
    """W113: an app that is mounted after its lifespan could run is refused."""
    plugin = await started(make_plugin)
    with pytest.raises(ConflictError, match="mount apps in its init"):
        plugin.router.use(named("late"))


async def test_nothing_mounted_is_an_empty_404(make_plugin: Callable[..., Any]) -> None:
    """H6: with credentials, a path that no app is mounted for is an empty 404."""
    plugin = await started(make_plugin)
    response = await plugin.get("/x")
    assert (response.status_code, response.content) == (404, b"")


async def test_starlette_routes_see_their_own_paths(make_plugin: Callable[..., Any]) -> None:
    """H1: Starlette routes are written relative to the plugin, and generated addresses carry its prefix."""

    async def show(request: Request) -> Response:
        return JSONResponse({"id": request.path_params["id"], "url": str(request.url_for("thing", id="7"))})

    app = Starlette(routes=[Route("/things/{id}", show, name="thing")])
    plugin = await started(make_plugin, app)
    response = await plugin.get("/things/5")
    assert response.json() == {"id": "5", "url": "http://localhost:7007/api/test/things/7"}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("path", "allowed"), [("/nope", ""), ("/x/", ""), ("/m/nope", ""), ("/x", "DELETE")])
@pytest.mark.parametrize("kind", ["starlette", "fastapi", "router"])
async def test_unmatched_routes_are_an_empty_404(
    make_plugin: Callable[..., Any], method: str, path: str, allowed: str, kind: str
) -> None:
    """H6: what no route matches, a wrong method included, is an empty 404; slashes are not redirected."""

    async def fine(request: Request) -> Response:
        return PlainTextResponse("fine")

    app: Any
    routes = [Route("/x", fine, methods=["DELETE"]), Mount("/m", routes=[Route("/y", fine)])]
    if kind == "fastapi":
        app = FastAPI()
        app.add_api_route("/x", lambda: "fine", methods=["DELETE"])
        app.mount("/m", FastAPI())
    else:
        app = Starlette(routes=routes) if kind == "starlette" else Router(routes)
    plugin = await started(make_plugin, app)
    response = await plugin.get(path, method=method)
    assert (response.status_code, response.content) == (404, b"")
    assert "content-type" not in response.headers
    if allowed:
        assert (await plugin.get(path, method=allowed)).status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        (InputError("bad"), 400, {"name": "InputError", "message": "bad"}),
        (ConflictError("taken"), 409, {"name": "ConflictError", "message": "taken"}),
        (ForwardedError("outer", InputError("in")), 400, {"name": "InputError"}),
        (ValueError("boom"), 500, {"name": "ValueError", "message": "boom"}),
        (Exception("boom"), 500, {"name": "Error", "message": "boom"}),
        (HTTPException(404, "no such thing"), 404, {"name": "NotFoundError", "message": "no such thing"}),
        (HTTPException(404), 404, {"name": "NotFoundError", "message": "Not Found"}),
        (HTTPException(405, "never"), 405, {"name": "MethodNotAllowedError", "message": "never"}),
        (HTTPException(413), 413, {}),
        (HTTPException(503), 503, {"name": "ServiceUnavailableError"}),
    ],
)
async def test_errors_become_documents(
    make_plugin: Callable[..., Any], error: Exception, status: int, expected: dict[str, str]
) -> None:
    """H20, H21, H22: what a handler raises is an error document; its status follows the error's name."""
    plugin = await started(make_plugin, raising(error))
    response = await plugin.get("/x?q=%20a")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    document = response.json()
    assert {key: document["error"][key] for key in expected} == expected
    assert "stack" not in document["error"]
    assert document["request"] == {"method": "GET", "url": "/x?q=%20a"}
    assert document["response"] == {"statusCode": status}


async def test_status_attributes_win(make_plugin: Callable[..., Any]) -> None:
    """H21: an integer status on the error wins over its name."""
    error = InputError("teapot")
    error.status_code = 418  # type: ignore[attr-defined]
    assert (await (await started(make_plugin, raising(error))).get("/x")).status_code == 418


async def test_only_server_failures_are_logged(make_plugin: Callable[..., Any]) -> None:
    """H23: a 500 is logged once with the error itself, a 400 is not."""
    failure = ValueError("boom")
    plugin = await started(make_plugin, raising(failure))
    await plugin.get("/x")
    [(message, metadata)] = plugin.logger.of("error")
    assert message == "Request failed with status 500"
    assert metadata["error"] is failure
    assert metadata["type"] == "errorHandler"
    quiet = await started(make_plugin, raising(InputError("bad")))
    await quiet.get("/x")
    assert quiet.logger.of("error") == []


async def test_details_of_http_exceptions_survive(make_plugin: Callable[..., Any]) -> None:
    """H20: headers and structured details of an HTTPException reach the client."""
    app = FastAPI()

    @app.get("/x")
    def fail() -> None:
        from fastapi import HTTPException as FastAPIHTTPException

        raise FastAPIHTTPException(409, detail={"why": ["a"]}, headers={"X-Extra": "1"})

    response = await (await started(make_plugin, app)).get("/x")
    assert response.status_code == 409
    assert response.json()["error"] == {"name": "ConflictError", "message": "Conflict", "detail": {"why": ["a"]}}
    assert response.headers["x-extra"] == "1"


async def test_retry_after_is_sent(make_plugin: Callable[..., Any]) -> None:
    """H20: an error that knows when to try again says so in a header."""
    plugin = await started(make_plugin, raising(ServiceUnavailableError("later", retry_after=1.2)))
    assert (await plugin.get("/x")).headers["retry-after"] == "2"


async def test_not_modified_has_no_body(make_plugin: Callable[..., Any]) -> None:
    """H21: a NotModifiedError is a 304 without body and content type."""
    response = await (await started(make_plugin, raising(NotModifiedError("same")))).get("/x")
    assert (response.status_code, response.content) == (304, b"")
    assert "content-type" not in response.headers


@pytest.mark.parametrize("wrapped", [False, True])
async def test_database_errors_are_hidden(make_plugin: Callable[..., Any], wrapped: bool) -> None:
    """H24: a driver's error is answered with a log id only; the original is logged under that id."""
    original: Exception = sqlite3.OperationalError("no such table: secrets")
    error = ForwardedError("cannot read", original) if wrapped else original
    plugin = await started(make_plugin, raising(error))
    response = await plugin.get("/x")
    assert response.status_code == 500
    shown = response.json()["error"]
    assert shown["name"] == "Error"
    prefix = "An internal error occurred logId="
    assert shown["message"].startswith(prefix)
    log_id = shown["message"].removeprefix(prefix)
    assert len(log_id) == 20
    assert any(entry.get("logId") == log_id and entry["error"] is error for _, entry in plugin.logger.of("error"))


async def test_a_database_that_is_away_is_told_without_its_errors(make_plugin: Callable[..., Any]) -> None:
    """H20, H24: what a driver says is hidden, but not that the outage is one for now: status and Retry-After stay."""
    cause = sqlite3.OperationalError("cannot reach 10.0.0.7")
    plugin = await started(make_plugin, raising(ServiceUnavailableError("no database", cause, retry_after=1)))
    response = await plugin.get("/x")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    shown = response.json()["error"]
    assert shown["name"] == "ServiceUnavailableError"
    assert shown["message"].startswith("An internal error occurred logId=")


async def test_own_errors_about_the_database_are_shown(make_plugin: Callable[..., Any]) -> None:
    """H24: an author's own message is not hidden because a driver's error is behind it."""
    error = UnderstageError("try another name")
    error.__cause__ = sqlite3.IntegrityError("UNIQUE constraint failed")
    plugin = await started(make_plugin, raising(error))
    assert (await plugin.get("/x")).json()["error"]["message"] == "try another name"


async def test_development_shows_stack_and_indents(make_plugin: Callable[..., Any]) -> None:
    """H7, H20: in development documents carry the traceback, and JSON is indented by two spaces."""
    app = raising(ValueError("boom"))
    app.router.routes.append(Route("/y", lambda request: JSONResponse({"a": [1]})))
    plugin = await started(make_plugin, app, development=True)
    response = await plugin.get("/x")
    assert "ValueError: boom" in response.json()["error"]["stack"]
    assert response.text.startswith('{\n  "error": {\n    "name": "ValueError"')
    assert (await plugin.get("/y")).text == '{\n  "a": [\n    1\n  ]\n}'


NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"


class Item(BaseModel):
    name: str
    tags: list[int]


async def test_fastapi_validation_is_an_input_error(make_plugin: Callable[..., Any]) -> None:
    """H20: a request that FastAPI refuses is a 400 InputError whose message names each place."""
    app = FastAPI()

    @app.post("/items")
    def create(item: Item, limit: int) -> None:
        raise NotImplementedError

    plugin = await started(make_plugin, app)
    response = await plugin.get("/items?limit=x", method="POST", json={"tags": [1, "a"]})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "name": "InputError",
        "message": (
            f"Invalid request: query.limit: {NO_INTEGER}; body.name: Field required; body.tags[1]: {NO_INTEGER}"
        ),
    }
    assert response.json()["request"]["url"] == "/items?limit=x"


async def test_authors_handlers_stay(make_plugin: Callable[..., Any]) -> None:
    """H20: exception handlers that the author has set are used, also those for all failures."""

    async def teapot(request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"teapot {error}", status_code=418)

    async def broken(request: Request, error: Exception) -> Response:
        return PlainTextResponse("sorry", status_code=500)

    routes = raising(KeyError("k")).routes
    app = Starlette(routes=[*routes, *[Route("/b", raising(OSError("b")).routes[0].endpoint)]])  # type: ignore[attr-defined]
    app.add_exception_handler(KeyError, teapot)
    app.add_exception_handler(404, teapot)
    app.add_exception_handler(Exception, broken)
    plugin = await started(make_plugin, app)
    assert (await plugin.get("/x")).text == "teapot 'k'"
    assert (await plugin.get("/nope")).status_code == 418
    response = await plugin.get("/b")
    assert (response.status_code, response.text) == (500, "sorry")
    assert [type(entry["error"]) for _, entry in plugin.logger.of("error")] == [OSError]


@pytest.mark.parametrize("with_middleware", [False, True])
async def test_authors_handlers_answer_for_plain_apps(
    make_plugin: Callable[..., Any], *, with_middleware: bool
) -> None:
    """H20: handlers also answer for plain ASGI apps below a Starlette app, and middleware sees their answers."""

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("k")

    async def fail_amid(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await fail(scope, receive, send)

    async def teapot(request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"teapot {error}", status_code=418)

    class Counting:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def counting(message: Any) -> None:
                statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])
                await send(message)

            await self.app(scope, receive, counting)

    statuses: list[int] = []
    app = Starlette(routes=[Mount("/a", fail), Mount("/b", fail_amid)], exception_handlers={KeyError: teapot})
    if with_middleware:
        app.add_middleware(Counting)
    plugin = await started(make_plugin, app)
    assert (await plugin.get("/a/x")).text == "teapot 'k'"
    assert (await plugin.get("/nope")).status_code == 404
    assert statuses == ([418, 404] if with_middleware else [])
    with pytest.raises(ResponseAbortedError):
        await plugin.get("/b/x")


async def test_debugging_apps_fail_with_documents(make_plugin: Callable[..., Any]) -> None:
    """H20: an app with debugging switched on still fails with an error document."""
    app = raising(OSError("o"))
    app.debug = True
    response = await (await started(make_plugin, app)).get("/x")
    assert response.status_code == 500
    assert response.json()["error"]["name"] == "OSError"


async def test_own_500_answers_pass(make_plugin: Callable[..., Any]) -> None:
    """H20: an app's own 500 answer that nothing was raised behind reaches the client."""
    app = Starlette(routes=[Route("/x", lambda request: PlainTextResponse("mine", status_code=500))])
    response = await (await started(make_plugin, app)).get("/x")
    assert (response.status_code, response.text) == (500, "mine")


async def test_failures_amid_an_answer_abort_it(make_plugin: Callable[..., Any]) -> None:
    """H23: when an answer has begun, a failure is logged and the connection is given up."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError("amid")

    app = Starlette(routes=[Route("/x", lambda request: StreamingResponse(pieces()))])
    plugin = await started(make_plugin, app)
    with pytest.raises(ResponseAbortedError):
        await plugin.get("/x")
    assert [str(entry["error"]) for _, entry in plugin.logger.of("error")] == ["amid"]


async def test_lifespan_surrounds_the_hooks(make_plugin: Callable[..., Any]) -> None:
    """W114: a mounted app's lifespan starts before the startup hooks and stops after the shutdown hooks."""
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        events.append("app up")
        yield {"answer": 42}
        events.append("app down")

    async def show(request: Request) -> Response:
        return PlainTextResponse(str(request.state.answer))

    plugin = make_plugin()
    plugin.lifecycle.add_startup_hook(lambda: events.append("hook up"))
    plugin.lifecycle.add_shutdown_hook(lambda: events.append("hook down"))
    plugin.router.use(Starlette(routes=[Route("/x", show)], lifespan=lifespan))
    await plugin.lifecycle.startup()
    assert (await plugin.get("/x")).text == "42"
    await plugin.lifecycle.shutdown()
    assert events == ["app up", "hook up", "hook down", "app down"]


async def test_lifespan_state_is_not_shared_between_requests(make_plugin: Callable[..., Any]) -> None:
    """W114: each request gets its own copy of the lifespan's state."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"seen": 0}

    async def show(request: Request) -> Response:
        request.state.seen += 1
        return PlainTextResponse(str(request.state.seen))

    plugin = await started(make_plugin, Starlette(routes=[Route("/x", show)], lifespan=lifespan))
    assert [(await plugin.get("/x")).text for _ in range(2)] == ["1", "1"]


async def test_failing_lifespan_fails_the_start(make_plugin: Callable[..., Any]) -> None:
    """W51: an app whose lifespan fails makes the plugin's startup fail, names the plugin and keeps the cause."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    hooks: list[str] = []
    plugin = make_plugin()
    plugin.lifecycle.add_startup_hook(lambda: hooks.append("ran"))
    plugin.router.use(Starlette(lifespan=lifespan))
    with pytest.raises(LifespanError, match="plugin 'test' failed to start; caused by ValueError: no database"):
        await plugin.lifecycle.startup()
    assert hooks == []


async def test_apps_without_lifespan_are_fine(make_plugin: Callable[..., Any]) -> None:
    """W114: an app that knows no lifespan, and answers or fails on it, is left alone."""

    async def strict(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await named("strict")(scope, receive, send)

    plugin = make_plugin()
    plugin.router.use(strict, path="/strict")
    plugin.router.use(named("naive"), path="/naive")
    await plugin.lifecycle.startup()
    assert (await plugin.get("/strict")).text == "strict /api/test/strict"
    assert (await plugin.get("/naive")).text == "naive /api/test/naive"
    await plugin.lifecycle.shutdown()
    assert plugin.logger.of("error") == []


async def test_websockets_pass_the_barrier(make_plugin: Callable[..., Any]) -> None:
    """H70: a web socket without credentials is refused before the app sees it."""
    plugin = await started(make_plugin, named("never"))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/api/test", "raw_path": b"/api/test", "headers": [], "query_string": b""}
    await plugin.root.app({**scope, "root_path": ""}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]

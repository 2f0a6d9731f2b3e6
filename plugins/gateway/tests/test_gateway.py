import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.processes import free_port

from understage.errors import ConflictError
from understage.gateway.headers import count_hops, request_headers, response_headers
from understage.plugin_api import PluginRegistrationPoints, core_services, create_backend_plugin
from understage.testing import TestBackend, mock_credentials


async def test_passes_requests_on(start_gateway: Any, behind: TestBackend) -> None:
    """D20: method, address as it was sent, headers and body reach the plugin's backend; its answer comes back."""
    async with start_gateway() as gateway:
        answer = await gateway.client.post(
            "/api/echo/a%2Fb/%C3%BC?q=%20x&q=2", content=b"hello", headers={"x-own": "1", "accept-encoding": "identity"}
        )
        told = answer.json()
        assert answer.status_code == 207
        assert (told["method"], told["target"], told["body"]) == ("POST", "/api/echo/a%2Fb/%C3%BC?q=%20x&q=2", "hello")
        headers = dict(told["headers"])
        assert headers["x-own"] == "1"
        assert headers["content-length"] == "5"
        assert headers["accept-encoding"] == "identity"
        assert headers["backstage-gateway-hops"] == "1"
        assert headers["host"] == behind.url.removeprefix("http://")
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert answer.headers["access-control-allow-origin"] == "http://app"
        assert len(answer.headers.get_list("date")) == 1
        assert "x-private" not in answer.headers


@pytest.mark.parametrize("path", ["/api/echo", "/api/echo/", "/api/echo?x=1"])
async def test_the_root_of_a_plugin(start_gateway: Any, path: str) -> None:
    """D20: the plugin's bare root passes as well, with and without a slash."""
    async with start_gateway() as gateway:
        told = (await gateway.client.get(path)).json()
        assert told["target"] == path if "?" in path else f"{path}?"
        assert "content-length" not in dict(told["headers"])
        assert "transfer-encoding" not in dict(told["headers"])


async def test_every_method(start_gateway: Any) -> None:
    """D20: all methods pass; HEAD has no body."""
    async with start_gateway() as gateway:
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert (await gateway.client.request(method, "/api/echo/x")).json()["method"] == method
        answer = await gateway.client.head("/api/echo/x")
        assert (answer.status_code, answer.content) == (207, b"")


async def test_local_plugins_answer_themselves(start_gateway: Any) -> None:
    """D20: a plugin of this backend is never passed on, also while it has no routes yet."""

    @create_backend_plugin(plugin_id="local")
    def local_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init() -> None:
            return

    async with start_gateway(local_plugin) as gateway:
        answer = await gateway.client.get("/api/local/x", headers=mock_credentials.user.header())
        assert (answer.status_code, answer.content) == (404, b"")
        assert (await gateway.client.get("/api/gateway/x", headers=mock_credentials.none.header())).status_code == 401


async def test_a_starting_plugin_is_not_passed_on(start_gateway: Any) -> None:
    """D20: while a local plugin's routes are not there yet, its requests are an empty 404 and go nowhere."""

    @create_backend_plugin(plugin_id="echo")
    def echo_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init() -> None:
            return

    async with start_gateway(echo_plugin) as gateway:
        root: Any = await gateway.service(core_services.root_http_router)
        # The routes are taken away to see the plugin as it is at the start.
        del root._plugins["echo"]
        answer = await gateway.client.get("/api/echo/x")
        assert (answer.status_code, answer.content) == (404, b"")


async def test_credentials_pass_through(start_gateway: Any) -> None:
    """D22: the gateway checks no credentials; the plugin verifies those of the caller."""
    async with start_gateway() as gateway:
        user = mock_credentials.user.header("user:default/jane")
        assert (await gateway.client.get("/api/guarded", headers=user)).text == "user:user:default/jane"
        nobody = await gateway.client.get("/api/guarded", headers=mock_credentials.none.header())
        assert nobody.status_code == 401
        assert nobody.json()["error"]["name"] == "AuthenticationError"


async def test_answers_are_streamed(start_gateway: Any, echo: Any) -> None:
    """D20: the parts of an event stream arrive as they are sent, and the end of the one is the end of the other."""
    async with start_gateway() as gateway, gateway.client.stream("GET", "/api/echo/stream") as answer:
        parts = answer.aiter_raw()
        assert await asyncio.wait_for(anext(parts), 5) == b"data: 1\n\n"
        echo.more.set()
        assert [part async for part in parts] == [b"data: 2\n\n"]


async def test_who_leaves_is_left(start_gateway: Any, echo: Any) -> None:
    """D20: a client that closes its connection ends the stream behind the gateway, too."""
    async with start_gateway() as gateway:
        async with gateway.client.stream("GET", "/api/echo/stream") as answer:
            assert await asyncio.wait_for(anext(answer.aiter_raw()), 5) == b"data: 1\n\n"
        await asyncio.wait_for(echo.left.wait(), 5)


async def test_bodies_are_streamed(start_gateway: Any, echo: Any) -> None:
    """D20: the first part of a body arrives before the last one is sent."""

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.wait_for(echo.got_chunk.wait(), 5)
        yield b"two"

    async with start_gateway() as gateway:
        told = (await gateway.client.post("/api/echo/x", content=body())).json()
        assert told["body"] == "onetwo"
        assert dict(told["headers"])["transfer-encoding"] == "chunked"
        assert echo.chunks[0] == b"one"


async def test_a_break_is_a_break(start_gateway: Any) -> None:
    """D20: an answer that breaks off in the middle breaks off for the client, and does not look complete."""
    async with start_gateway() as gateway:
        with pytest.raises(httpx2.TransportError):
            await gateway.client.get("/api/echo/break")


async def test_an_unreachable_backend(start_gateway: Any) -> None:
    """D20: a backend that cannot be reached is a 504 that names the plugin and not the address.

    deviation: the body is an error document where a Node gateway sends text with the address.
    """
    async with start_gateway(gone=f"http://127.0.0.1:{free_port()}") as gateway:
        answer = await gateway.client.get("/api/gone/x")
        assert answer.status_code == 504
        assert answer.json()["error"]["name"] == "GatewayTimeoutError"
        assert answer.json()["error"]["message"].startswith("The backend of the plugin 'gone' cannot be reached")
        assert "127.0.0.1" not in answer.text


async def test_circles_end(start_gateway: Any) -> None:
    """D21: a plugin that nobody has goes in a circle, which ends with 508 after three gateways, as recorded."""
    async with start_gateway(default="itself") as gateway:
        answer = await gateway.client.get("/api/nope/x")
        assert answer.status_code == 508
        assert answer.text == '{"error":{"name":"LoopDetectedError","message":"Maximum proxy hop count exceeded (3)"}}'
        assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", "1"), ("2", "3"), ("-5", "1"), ("junk", "1"), ("2.9", "3"), ("", "1"), ("3", 3), ("4", 4), ("3, 1", 3)],
)
async def test_the_count_of_gateways(start_gateway: Any, value: str, expected: str | int) -> None:
    """D21: each gateway adds one; values that are no count, or below zero, give no more than three gateways."""
    async with start_gateway() as gateway:
        answer = await gateway.client.get("/api/echo/x", headers={"backstage-gateway-hops": value})
        if isinstance(expected, str):
            counts = [count for name, count in answer.json()["headers"] if name == "backstage-gateway-hops"]
            assert counts == [expected]
        else:
            assert answer.status_code == 508
            assert json.loads(answer.text)["error"]["message"] == f"Maximum proxy hop count exceeded ({expected})"


@pytest.mark.parametrize(
    "path", ["/api/echo/../guarded", "/api/echo/%2e%2e/guarded", "/api/echo/a/..%2Fb", "/api/echo/."]
)
async def test_paths_that_climb(start_gateway: Any, path: str) -> None:
    """D20: a path that might leave the plugin's part of the other backend is refused."""
    async with start_gateway() as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port())
        writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        assert answer.startswith("HTTP/1.1 400 ")
        assert "does not pass on" in answer


async def test_one_gateway_is_enough(start_gateway: Any) -> None:
    """D20: a second mount for all other plugins is a conflict."""
    async with start_gateway() as gateway:
        root = await gateway.service(core_services.root_http_router)
        with pytest.raises(ConflictError, match="cannot mount an app at '/api/:pluginId': there is one already"):
            root.use("/api/:pluginId", gateway.server.app)


def test_private_headers_stay() -> None:
    """D20: headers for the next one on the way stay behind, in both directions, and so do those that they name."""
    headers = [
        (b"connection", b"close, X-Private"),
        (b"x-private", b"1"),
        (b"x-public", b"2"),
        (b"host", b"a"),
        (b"te", b"trailers"),
        (b"upgrade", b"h2c"),
        (b"sec-websocket-key", b"k"),
        (b"backstage-gateway-hops", b"1"),
    ]
    assert request_headers(headers, 2) == [("x-public", "2"), ("backstage-gateway-hops", "2")]
    answered = [(b"Keep-Alive", b"5"), (b"Date", b"now"), (b"X-Public", b"2"), (b"Transfer-Encoding", b"chunked")]
    assert response_headers(answered) == [(b"x-public", b"2")]


def test_counts_of_several_headers() -> None:
    """D21: of several counts the highest is taken."""
    assert count_hops([(b"backstage-gateway-hops", b"1"), (b"backstage-gateway-hops", b"x, 2"), (b"other", b"9")]) == 2


@given(st.lists(st.binary(max_size=8)))
def test_no_header_extends_the_budget(values: list[bytes]) -> None:
    """D21: whatever a client sends as a count, it never counts below zero."""
    assert count_hops([(b"backstage-gateway-hops", value) for value in values]) >= 0

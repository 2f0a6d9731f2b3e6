import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from understage.defaults.root_http_client import DefaultRootHttpClient
from understage.defaults.root_http_client.client import shown_url
from understage.errors import InputError, ServiceUnavailableError


class Server:
    """Answers every request with the same bytes and remembers what it was sent."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                if not self.answer:
                    await reader.read()
                writer.write(self.answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    state = Server(b'HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}')
    listener = await asyncio.start_server(state.handle, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield state
    listener.close()


@pytest.fixture
async def client() -> AsyncIterator[DefaultRootHttpClient]:
    client = DefaultRootHttpClient()
    yield client
    await client.close()


async def test_the_answer_is_read_whole(server: Server, client: DefaultRootHttpClient) -> None:
    """A request sends method, path, headers and body; status, reason, lower-case headers and body come back."""
    response = await client.request("POST", f"{server.url}/x?q=1", headers={"X-Thing": "y"}, body=b"payload")
    assert (response.status, response.reason, response.json()) == (200, "Fine", {"a": 1})
    assert response.headers["content-type"] == "application/json"
    (request,) = server.requests
    assert request.startswith(b"POST /x?q=1 HTTP/1.1\r\n")
    assert b"X-Thing: y\r\n" in request
    assert request.endswith(b"payload")


async def test_error_statuses_are_answers(server: Server, client: DefaultRootHttpClient) -> None:
    """A status such as 503 is returned, not raised."""
    server.answer = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    assert (await client.request("GET", server.url)).status == 503


async def test_connections_are_reused(server: Server, client: DefaultRootHttpClient) -> None:
    """Requests that follow each other share a connection."""
    for _ in range(3):
        await client.request("GET", server.url)
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_redirects_are_not_followed_unasked(server: Server, client: DefaultRootHttpClient) -> None:
    """A redirect is returned as it is, unless the caller wants it followed."""
    server.answer = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"
    response = await client.request("GET", server.url)
    assert (response.status, response.headers["location"]) == (302, "/next")
    assert len(server.requests) == 1
    with pytest.raises(ServiceUnavailableError):
        await client.request("GET", server.url, follow_redirects=True)
    assert len(server.requests) > 2


async def test_cookies_are_not_kept(server: Server, client: DefaultRootHttpClient) -> None:
    """A cookie that one answer sets is not sent with the next request."""
    server.answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    await client.request("GET", server.url)
    await client.request("GET", server.url)
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_refused_connection_is_unavailability(server: Server, client: DefaultRootHttpClient) -> None:
    """When nobody listens the error is a ServiceUnavailableError that names method, address and cause, not secrets."""
    closed = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    with pytest.raises(ServiceUnavailableError) as caught:
        await client.request("GET", f"http://user:pass@127.0.0.1:{port}/x?token=secret")
    text = str(caught.value)
    assert text.startswith(f"GET http://127.0.0.1:{port}/x failed; caused by ")
    assert "secret" not in text
    assert "pass" not in text


async def test_a_broken_answer_is_unavailability(server: Server, client: DefaultRootHttpClient) -> None:
    """An answer that is no HTTP is a ServiceUnavailableError."""
    server.answer = b"nonsense\r\n\r\n"
    with pytest.raises(ServiceUnavailableError, match="GET http://127"):
        await client.request("GET", server.url)


async def test_a_slow_answer_times_out(server: Server, client: DefaultRootHttpClient) -> None:
    """When the answer takes too long the error says how long was waited."""
    server.answer = b""
    with pytest.raises(ServiceUnavailableError, match=r"failed: no answer within 0\.05 seconds"):
        await client.request("GET", server.url, timeout_seconds=0.05)


@pytest.mark.parametrize("url", ["catalog", "/api/catalog", "ftp://x/y", "http://", "http://[::1"])
async def test_addresses_must_be_absolute(client: DefaultRootHttpClient, url: str) -> None:
    """An address that is not an absolute http or https address is the caller's mistake."""
    with pytest.raises(InputError, match="not an absolute http or https address"):
        await client.request("GET", url)


async def test_proxies_of_the_environment_are_honoured(
    server: Server, client: DefaultRootHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With HTTP_PROXY set, requests go through that proxy."""
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "")
    await client.request("GET", "http://elsewhere.invalid/thing")
    assert server.requests[0].startswith(b"GET http://elsewhere.invalid/thing HTTP/1.1")


async def test_a_proxy_may_want_credentials(
    server: Server, client: DefaultRootHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """User and password of the proxy's address go to the proxy, beside the caller's own authorization."""
    monkeypatch.setenv("HTTP_PROXY", server.url.replace("http://", "http://user:secret@"))
    monkeypatch.setenv("NO_PROXY", "")
    await client.request("GET", "http://elsewhere.invalid/thing", headers={"Authorization": "Bearer token"})
    assert b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in server.requests[0]
    assert b"Authorization: Bearer token\r\n" in server.requests[0]


async def test_a_netrc_file_is_not_for_backends(
    server: Server, client: DefaultRootHttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Passwords in the user's .netrc are sent to nobody, and do not get in the way of a token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    await client.request("GET", server.url)
    await client.request("GET", server.url, headers={"Authorization": "Bearer token"})
    assert b"Authorization" not in server.requests[0]
    assert b"Authorization: Bearer token\r\n" in server.requests[1]


async def test_a_closed_client_makes_no_requests(server: Server) -> None:
    """After close, connections are gone and requests fail, also when none was ever made."""
    client = DefaultRootHttpClient()
    await client.request("GET", server.url)
    await client.close()
    await client.close()
    with pytest.raises(ServiceUnavailableError, match="shutting down"):
        await client.request("GET", server.url)


def test_aiohttp_is_not_imported_before_it_is_needed() -> None:
    """Importing the room costs no aiohttp, which would be a third of a second at start."""
    code = "import sys, understage.defaults.root_http_client; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@h:1/a?b#c", "https://h:1/a"),
        ("http://h", "http://h"),
        ("http://[::1", "an address that cannot be parsed"),
    ],
)
def test_shown_addresses_hold_no_secrets(url: str, expected: str) -> None:
    """Messages show an address without user, password, query and fragment."""
    assert shown_url(url) == expected

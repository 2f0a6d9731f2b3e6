"""Logins by token, at a server that asks for a password and then refuses everybody."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import pytest

from understage.config import config_from_data
from understage.defaults.database.manager import DatabaseManager
from understage.errors import ServiceUnavailableError, UnsupportedOperationError
from understage.plugin_api import HttpResponse
from understage.testing import MockHttpClient, json_response


class AskingServer:
    """As much of a Postgres as asks for a password."""

    def __init__(self) -> None:
        self.passwords: list[str] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            await reader.readexactly(length - 4)
            writer.write(b"R" + struct.pack("!ii", 8, 3))
            _, length = struct.unpack("!ci", await reader.readexactly(5))
            self.passwords.append((await reader.readexactly(length - 4)).rstrip(b"\0").decode())
            fields = b"SFATAL\0C28P01\0Mpassword authentication failed\0\0"
            writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
        writer.close()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AskingServer]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    server = AskingServer()
    listener = await server.start()
    yield server
    listener.close()


async def connect(server: AskingServer, http_client: Any, **connection: Any) -> None:
    place = {"host": "127.0.0.1", "port": server.port, "user": "me", "ssl": False, **connection}
    config = config_from_data({"backend": {"database": {"client": "pg", "connection": place}}})
    manager = DatabaseManager(config, http_client=http_client)
    try:
        await manager.for_plugin("test").fetch("SELECT 1")
    finally:
        await manager.close()


async def test_rds(server: AskingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """S19: at Amazon RDS the password of a connection is a signed request, made with the keys of the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    with pytest.raises(ServiceUnavailableError, match="password authentication failed"):
        await connect(server, MockHttpClient(), type="rds", region="eu-west-1")
    place, _, query = server.passwords[0].partition("/?")
    assert place == f"127.0.0.1:{server.port}"
    said = {name: values[0] for name, values in parse_qs(query).items()}
    assert (said["Action"], said["DBUser"], said["X-Amz-Expires"]) == ("connect", "me", "900")
    assert said["X-Amz-Credential"].startswith("AK/")
    assert said["X-Amz-Credential"].endswith("/eu-west-1/rds-db/aws4_request")


async def test_rds_without_keys(server: AskingServer) -> None:
    """S19: without keys nothing is sent, and the error says which variables to set."""
    with pytest.raises(UnsupportedOperationError, match="there are no keys to log in with; set AWS_ACCESS_KEY_ID"):
        await connect(server, MockHttpClient(), type="rds", region="eu-west-1")
    assert server.passwords == []


async def test_azure(server: AskingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """S19: at Azure the password of a connection is a token of Entra ID, of an application or a managed identity."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://identity")
    monkeypatch.setenv("IDENTITY_HEADER", "proof")
    asked: list[Any] = []

    def answer(request: Any) -> HttpResponse:
        asked.append(request)
        return json_response({"access_token": f"TOKEN-{len(asked)}", "expires_in": 3600})

    login = "https://login.microsoftonline.com/t/oauth2/v2.0/token"
    client = MockHttpClient({"GET http://identity": answer, f"POST {login}": answer})
    application = {"tenantId": "t", "clientId": "c", "clientSecret": "s"}
    for credential in (None, application):
        with pytest.raises(ServiceUnavailableError, match="password authentication failed"):
            await connect(server, client, type="azure", **({"tokenCredential": credential} if credential else {}))
    assert server.passwords == ["TOKEN-1", "TOKEN-2"]
    assert "resource=https%3A%2F%2Fossrdbms-aad.database.windows.net" in asked[0].url
    assert asked[1].url == login
    assert parse_qs(asked[1].body.decode())["scope"] == ["https://ossrdbms-aad.database.windows.net/.default"]


async def test_without_an_http_client(server: AskingServer) -> None:
    """S19: who builds databases without a client for tokens is told so, instead of a login without password."""
    with pytest.raises(UnsupportedOperationError, match="needs an HTTP client to log in"):
        await connect(server, None, type="azure")

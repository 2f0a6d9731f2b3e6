"""An auth service of which the tests know every answer."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from understage.defaults.http_auth import DefaultHttpAuth
from understage.errors import AuthenticationError, NotAllowedError, ServiceUnavailableError
from understage.plugin_api import (
    Credentials,
    LimitedUserToken,
    NonePrincipal,
    ServicePrincipal,
    UserPrincipal,
)
from understage.plugin_api.credentials import token_of

# The limited token that a stock Backstage 1.55 put into its cookie, and when it ended.
RECORDED_TOKEN = (
    "eyJ0eXAiOiJ2bmQuYmFja3N0YWdlLmxpbWl0ZWQtdXNlciIsImFsZyI6IkVTMjU2Iiwia2lkIjoiY2UyYTdkZDEtMmFjZi00YTNlLThlNTktYzZjN"
    "WM5ZjA4ZmM5In0.eyJzdWIiOiJ1c2VyOmRldmVsb3BtZW50L2d1ZXN0IiwiaWF0IjoxNzk1MjQ5NzcyLCJleHAiOjE3OTUyNTMzNzJ9.nlCgdqvcC"
    "N7tx-EF5yMKljckAEJgn_7k3lkh2H92xoAv4VIw4k5Hhe7vkL-PtbqZ9UbvGzw_-zo4bgkT7D_SFg"
)
RECORDED_END = 1795253372


class Auth:
    """Knows these tokens: `user`, `limited`, `other-limited`, `service`, `elsewhere`, `outage`."""

    def __init__(self) -> None:
        self.now = float(RECORDED_END - 3600)
        self.verified: list[tuple[str, bool]] = []
        self.limited_lifetime = 3600.0

    def ends(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self.now + seconds, UTC)

    async def authenticate(self, token: Any, *, allow_limited_access: Any = False) -> Any:
        self.verified.append((token, allow_limited_access))
        await asyncio.sleep(0)
        if token == "user":
            return Credentials(UserPrincipal("user:default/jane"), self.ends(3600), token)
        if token == "service":
            return Credentials(ServicePrincipal("plugin:search"), self.ends(3600), token)
        if token == "elsewhere":
            raise NotAllowedError("This token's access is restricted to plugin(s) 'search'")
        if token == "outage":
            raise ServiceUnavailableError("the keys cannot be read")
        if token in ("limited", "other-limited"):
            if not allow_limited_access:
                raise AuthenticationError("Illegal limited user token")
            name = "jane" if token == "limited" else "joe"
            return Credentials(UserPrincipal(f"user:default/{name}"), self.ends(self.limited_lifetime), token)
        raise AuthenticationError("Illegal token")

    async def get_none_credentials(self) -> Any:
        return Credentials(NonePrincipal())

    async def get_limited_user_token(self, credentials: Any) -> Any:
        assert token_of(credentials) == "user"
        return LimitedUserToken(RECORDED_TOKEN, datetime.fromtimestamp(RECORDED_END, UTC))


class Discovery:
    def __init__(self) -> None:
        self.external = "http://localhost:7007/api/catalog"

    async def get_external_base_url(self, plugin_id: Any) -> Any:
        assert plugin_id == "catalog"
        return self.external


@pytest.fixture
def auth() -> Any:
    return Auth()


@pytest.fixture
def discovery() -> Any:
    return Discovery()


@pytest.fixture
def http_auth(auth: Any, discovery: Any) -> Any:
    return DefaultHttpAuth("catalog", auth, discovery, clock=lambda: auth.now)


@pytest.fixture
def scope_with() -> Any:
    """Makes an ASGI scope with headers."""

    def make(*headers: tuple[str, str]) -> Any:
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        return {"type": "http", "method": "GET", "path": "/", "headers": encoded}

    return make


@pytest.fixture
def recorded_token() -> Any:
    return RECORDED_TOKEN

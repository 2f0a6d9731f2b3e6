"""Tokens of users, full and limited."""

from typing import Any

import pytest

from understage.config import config_from_data
from understage.defaults.auth.limited_tokens import derive_limited_token
from understage.defaults.auth.signatures import sign_token
from understage.defaults.auth.tokens import encode_json_segment, encode_segment
from understage.errors import AuthenticationError, ServiceUnavailableError
from understage.plugin_api import Credentials, ServicePrincipal, UserPrincipal
from understage.plugin_api.credentials import token_of

# What a stock Backstage 1.55 answered: its auth plugin's key, a user's token, and the limited token of its cookie.
NODE_KEY = {
    "kty": "EC",
    "x": "ygKeKcc9H4WuR9hKCfcEbIo9qtGo36LcfVp2gwHewic",
    "y": "xYVb0_foVsOzkWsIzUdFmhfYLOsM26JMrz484dAewys",
    "crv": "P-256",
    "kid": "ce2a7dd1-2acf-4a3e-8e59-c6c5c9f08fc9",
    "alg": "ES256",
}
NODE_ISSUED_AT = 1795249772
NODE_USER_TOKEN = (
    "eyJ0eXAiOiJ2bmQuYmFja3N0YWdlLnVzZXIiLCJhbGciOiJFUzI1NiIsImtpZCI6ImNlMmE3ZGQxLTJhY2YtNGEzZS04ZTU5LWM2YzVjOWYwOGZj"
    "OSJ9.eyJpc3MiOiJodHRwOi8vbG9jYWxob3N0OjcwMDcvYXBpL2F1dGgiLCJzdWIiOiJ1c2VyOmRldmVsb3BtZW50L2d1ZXN0IiwiYXVkIjoiYmFj"
    "a3N0YWdlIiwiaWF0IjoxNzk1MjQ5NzcyLCJleHAiOjE3OTUyNTMzNzIsInVpcCI6Im5sQ2dkcXZjQ043dHgtRUY1eU1LbGpja0FFSmduXzdrM2xra"
    "DJIOTJ4b0F2NFZJdzRrNUhoZTd2a0wtUHRicVo5VWJ2R3p3Xy16bzRiZ2tUN0RfU0ZnIn0.jCAYCUkZFQgBq4uEK5SetwZTIm2pRaDYWPHbre0Nd8"
    "QVvMZvcSiemmIO6KdLtjZ522xiFZANpjCQi5iEtzuHOA"
)
NODE_COOKIE_TOKEN = (
    "eyJ0eXAiOiJ2bmQuYmFja3N0YWdlLmxpbWl0ZWQtdXNlciIsImFsZyI6IkVTMjU2Iiwia2lkIjoiY2UyYTdkZDEtMmFjZi00YTNlLThlNTktYzZjN"
    "WM5ZjA4ZmM5In0.eyJzdWIiOiJ1c2VyOmRldmVsb3BtZW50L2d1ZXN0IiwiaWF0IjoxNzk1MjQ5NzcyLCJleHAiOjE3OTUyNTMzNzJ9.nlCgdqvcC"
    "N7tx-EF5yMKljckAEJgn_7k3lkh2H92xoAv4VIw4k5Hhe7vkL-PtbqZ9UbvGzw_-zo4bgkT7D_SFg"
)


async def test_user_token(installation: Any) -> None:
    """A1, A34: a user's token proves the user, for as long as it lasts."""
    catalog = await installation.plugin("catalog")
    credentials = await catalog.authenticate(installation.users.token(lifetime=60))
    assert credentials.principal == UserPrincipal("user:default/jane")
    assert credentials.expires_at is not None
    assert credentials.expires_at.timestamp() == installation.clock() + 60


async def test_tokens_of_a_node_backend(installation: Any) -> None:
    """A11, A34: tokens that a Node backend made are good here, and the limited one is derived byte for byte."""
    installation.clock.now = NODE_ISSUED_AT + 5
    installation.network.serve_json(installation.user_keys_url, lambda: {"keys": [NODE_KEY]})
    catalog = await installation.plugin("catalog")
    user = await catalog.authenticate(NODE_USER_TOKEN)
    assert user.principal == UserPrincipal("user:development/guest")
    limited = await catalog.get_limited_user_token(user)
    assert limited.token == NODE_COOKIE_TOKEN
    assert limited.expires_at.timestamp() == NODE_ISSUED_AT + 3600
    again = await catalog.authenticate(limited.token, allow_limited_access=True)
    assert again.principal == user.principal


@pytest.mark.parametrize("name", ["jane", "jörg", "名前", 'a"b\\c', "tab\t", "\u2028", "\x7f", "🙂"])
async def test_limited_token_bytes(installation: Any, name: Any) -> None:
    """A11: whatever is in a user's name, both sides serialise it alike, so the derived token's signature holds."""
    catalog = await installation.plugin("catalog")
    user = await catalog.authenticate(installation.users.token(f"user:default/{name}"))
    limited = await catalog.get_limited_user_token(user)
    assert (
        limited.token.rpartition(".")[0] == installation.users.limited_token(f"user:default/{name}").rpartition(".")[0]
    )
    credentials = await catalog.authenticate(limited.token, allow_limited_access=True)
    assert credentials.principal == UserPrincipal(f"user:default/{name}")


async def test_limited_token_needs_permission(installation: Any) -> None:
    """A34: a limited token is refused unless limited access is allowed, remembered or not."""
    catalog = await installation.plugin("catalog")
    token = installation.users.limited_token()
    for _ in range(2):
        with pytest.raises(AuthenticationError, match=r"^Illegal limited user token$"):
            await catalog.authenticate(token)
        credentials = await catalog.authenticate(token, allow_limited_access=True)
        assert credentials.principal == UserPrincipal("user:default/jane")


async def test_old_user_token(installation: Any) -> None:
    """A30: a token without type whose audience is `backstage` is a user's; it is its own limited token (A12)."""
    from joserfc.jws import JWSRegistry

    now = int(installation.clock())
    claims = {"sub": "user:default/old", "aud": "backstage", "iat": now, "exp": now + 60}
    head = {"alg": "ES256", "kid": "user-key"}
    text = f"{encode_json_segment(head)}.{encode_json_segment(claims)}"
    signature = JWSRegistry.algorithms["ES256"].sign(text.encode(), installation.users.key.key)
    token = f"{text}.{encode_segment(signature)}"
    catalog = await installation.plugin("catalog")
    user = await catalog.authenticate(token)
    assert user.principal == UserPrincipal("user:default/old")
    assert (await catalog.get_limited_user_token(user)).token == token


async def test_limited_token_of_a_limited_token(installation: Any) -> None:
    """A12: deriving from a limited token returns it unchanged."""
    catalog = await installation.plugin("catalog")
    token = installation.users.limited_token()
    user = await catalog.authenticate(token, allow_limited_access=True)
    assert (await catalog.get_limited_user_token(user)).token == token


async def test_limited_token_of_other_tokens(installation: Any) -> None:
    """A12: deriving from a token of another type is an authentication error, as is one without the proof in it."""
    plugin_token = installation.forge("vnd.backstage.plugin", {"sub": "search", "exp": 2e9})
    without_proof = installation.users.token(uip=...)
    for token in (plugin_token, without_proof, "garbage", installation.users.token(iat=..., uip="x")):
        with pytest.raises(AuthenticationError, match=r"^Failed to create limited user token"):
            derive_limited_token(token)


async def test_limited_token_without_user_token(installation: Any) -> None:
    """A12: no limited token without a user's token behind the credentials, or from one that has expired."""
    catalog = await installation.plugin("catalog")
    user = await catalog.authenticate(installation.users.token(lifetime=60))
    service = Credentials(ServicePrincipal("plugin:search"), None, token_of(user))
    for credentials in (Credentials(UserPrincipal("user:default/jane")), service):
        with pytest.raises(AuthenticationError, match=r"there is no user token"):
            await catalog.get_limited_user_token(credentials)
    installation.clock.now += 60
    with pytest.raises(AuthenticationError, match=r"has expired"):
        await catalog.get_limited_user_token(user)


@pytest.mark.parametrize(
    "changed", [{"exp": ...}, {"iat": ...}, {"sub": ...}, {"sub": ""}, {"exp": "soon"}, {"nbf": 2e9}]
)
async def test_required_user_claims(installation: Any, changed: Any) -> None:
    """A34, A36: a user token without iat, exp or sub, or not valid yet, is refused."""
    catalog = await installation.plugin("catalog")
    with pytest.raises(AuthenticationError, match=r"^Failed user token verification$"):
        await catalog.authenticate(installation.users.token(**changed))


async def test_forged_user_token(installation: Any) -> None:
    """A34: a user token that the auth plugin did not sign is refused with the recorded text."""
    catalog = await installation.plugin("catalog")
    now = int(installation.clock())
    for token_type in ("vnd.backstage.user", "vnd.backstage.limited-user"):
        token = installation.forge(token_type, {"sub": "user:default/jane", "iat": now, "exp": now + 60})
        with pytest.raises(AuthenticationError, match=r"^Failed user token verification$"):
            await catalog.authenticate(token, allow_limited_access=True)


async def test_expired_user_token(installation: Any) -> None:
    """A34: a user token is refused from its exp on, although it had been remembered."""
    catalog = await installation.plugin("catalog")
    token = installation.users.token(lifetime=60)
    await catalog.authenticate(token)
    installation.clock.now += 60
    with pytest.raises(AuthenticationError, match=r"^Failed user token verification$"):
        await catalog.authenticate(token)


async def test_auth_plugin_is_down(installation: Any) -> None:
    """A34: while the auth plugin is down, a user's token is a 503, not a reason to sign in again.

    deviation: Node backends answer 401.
    """
    catalog = await installation.plugin("catalog")
    installation.network.serve_status(installation.user_keys_url, 503)
    with pytest.raises(ServiceUnavailableError, match=r"plugin 'auth'"):
        await catalog.authenticate(installation.users.token())


async def test_no_auth_plugin(installation: Any) -> None:
    """A34: without an auth plugin no user token can be good."""
    catalog = await installation.plugin("catalog")
    del installation.network.answers[installation.user_keys_url]
    with pytest.raises(AuthenticationError, match=r"^Failed user token verification$"):
        await catalog.authenticate(installation.users.token())


@pytest.mark.parametrize("text", ["garbage", "", "a.b.c", "baseline-static-token-0002", "é", "\ud800", "a" * 200_000])
async def test_no_token_at_all(installation: Any, text: Any) -> None:
    """A30: what is no token of any kind is refused with the recorded text."""
    catalog = await installation.plugin("catalog")
    with pytest.raises(AuthenticationError, match=r"^Illegal token$"):
        await catalog.authenticate(text)


async def test_other_types_are_tried_elsewhere(installation: Any) -> None:
    """A30: a JWT whose type is neither a plugin's nor a user's goes to the external handlers."""
    seen = []

    class Handler:
        type = "custom"

        def create_verifier(self, options: Any) -> Any:
            async def verify(token: Any) -> None:
                seen.append(token)

            return verify

    config = config_from_data({"backend": {"auth": {"externalAccess": [{"type": "custom", "options": {}}]}}})
    catalog = await installation.plugin("catalog", config=config, handlers=[Handler()])
    token = sign_token("at+jwt", {"sub": "x"}, installation.users.key)
    with pytest.raises(AuthenticationError, match=r"^Illegal token$"):
        await catalog.authenticate(token)
    assert seen == [token]
    with pytest.raises(AuthenticationError):
        await catalog.authenticate(installation.users.token(exp=1))
    assert seen == [token]

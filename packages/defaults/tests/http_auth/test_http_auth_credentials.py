"""Who makes a request."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from understage.defaults.auth import DefaultAuth
from understage.defaults.http_auth import DefaultHttpAuth, create_http_auth_service_factory, token_from_header
from understage.defaults.http_auth.request_tokens import token_from_cookie
from understage.errors import AuthenticationError, NotAllowedError, ServiceUnavailableError


@pytest.mark.parametrize("header", ["Bearer user", "bearer user", "BEARER   user", "bEaReR user  "])
async def test_bearer_token(http_auth: Any, scope_with: Any, header: Any) -> None:
    """A50: the token comes from `Authorization: Bearer`, the scheme in any case."""
    credentials = await http_auth.credentials(scope_with(("Authorization", header)))
    assert credentials.principal.type == "user"


@pytest.mark.parametrize("length", [1, 600, 4000, 5000, 100_000])
def test_tokens_of_any_length(scope_with: Any, length: int) -> None:
    """A50: a token is found whatever its length, each time anew or remembered."""
    for letter in "abab":
        token = letter * length
        assert token_from_header(scope_with(("Authorization", f"Bearer {token}"))) == token
        assert token_from_header(scope_with(("Authorization", f"Bearer {token} x"))) is None


@pytest.mark.parametrize(
    "header", ["Basic Zm9vOmJhcg==", "Bearer", "Bearer ", "Bearer a b", "user", "Bearer, user", "xBearer user", ""]
)
async def test_anything_else_is_no_token(http_auth: Any, auth: Any, scope_with: Any, header: Any) -> None:
    """A50: anything but one token without spaces counts as no token at all."""
    scope = scope_with(("Authorization", header))
    assert (await http_auth.credentials(scope)).principal.type == "none"
    with pytest.raises(AuthenticationError, match=r"^Missing credentials$"):
        await http_auth.credentials(scope, allow=["user", "service"])
    assert auth.verified == []


async def test_requests_and_scopes(http_auth: Any, scope_with: Any) -> None:
    """A50: a framework's request object and a bare ASGI scope do equally."""
    scope = scope_with(("Authorization", "Bearer service"))
    assert (await http_auth.credentials(Request(scope))).principal.type == "service"
    assert (await http_auth.credentials(scope)).principal.type == "service"


async def test_verified_once_per_kind_of_access(http_auth: Any, auth: Any, scope_with: Any) -> None:
    """A50: credentials are verified once per request for full and once for limited access, even by concurrent calls."""
    scope = scope_with(("Authorization", "Bearer user"))
    await asyncio.gather(*(http_auth.credentials(Request(scope)) for _ in range(5)))
    first = await http_auth.credentials(scope)
    assert first is await http_auth.credentials(Request(scope), allow=["user"])
    assert auth.verified == [("user", False)]
    await asyncio.gather(*(http_auth.credentials(scope, allow_limited_access=True) for _ in range(5)))
    assert auth.verified == [("user", False), ("user", True)]


def test_only_the_default_auth_is_asked_for_what_it_remembers(discovery: Any) -> None:
    """A50: an auth service that somebody has derived decides about each request itself."""

    class Derived(DefaultAuth):
        pass

    def create(kind: type[DefaultAuth]) -> DefaultHttpAuth:
        return DefaultHttpAuth("test", object.__new__(kind), discovery)

    assert create(DefaultAuth)._memory is not None
    assert create(Derived)._memory is None


async def test_requests_do_not_share(http_auth: Any, auth: Any, discovery: Any, scope_with: Any) -> None:
    """A50: neither another request nor another plugin sees what was found out for this one."""
    one, two = scope_with(("Authorization", "Bearer user")), scope_with(("Authorization", "Bearer service"))
    assert (await http_auth.credentials(one)).principal.type == "user"
    assert (await http_auth.credentials(two)).principal.type == "service"
    await DefaultHttpAuth("search", auth, discovery).credentials(one)
    assert auth.verified == [("user", False), ("service", False), ("user", False)]


async def test_cancelled_call_leaves_the_request_usable(http_auth: Any, scope_with: Any) -> None:
    """A50: when one of several concurrent calls of a request is cancelled, the others get their answer."""
    scope = scope_with(("Authorization", "Bearer user"))
    first = asyncio.create_task(http_auth.credentials(scope))
    second = asyncio.create_task(http_auth.credentials(scope))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).principal.type == "user"


async def test_cookie_needs_limited_access(http_auth: Any, auth: Any, scope_with: Any) -> None:
    """A51: the cookie is read only where limited access is allowed."""
    scope = scope_with(("Cookie", "a=b; backstage-auth=limited; c=d"))
    assert (await http_auth.credentials(scope)).principal.type == "none"
    assert auth.verified == []
    assert (await http_auth.credentials(scope, allow_limited_access=True)).principal.type == "user"


async def test_no_cookie_for_web_sockets(http_auth: Any, auth: Any, scope_with: Any) -> None:
    """A51, H94: a browser sends cookies with the web sockets of any site, so the cookie opens none of them."""
    scope = {**scope_with(("Cookie", "backstage-auth=limited")), "type": "websocket", "subprotocols": []}
    credentials = await http_auth.credentials(scope, allow_limited_access=True)
    assert credentials.principal.type == "none"
    assert auth.verified == []


@pytest.mark.parametrize(
    ("scope_type", "subprotocols", "token"),
    [
        ("websocket", ["a.b.c", "chat"], "a.b.c"),
        ("websocket", ["chat", "a.b.c"], None),
        ("websocket", [], None),
        ("http", ["a.b.c"], None),
    ],
)
def test_token_as_subprotocol(scope_with: Any, scope_type: str, subprotocols: list[str], token: str | None) -> None:
    """A50, H94: the first subprotocol of a web socket is its token if it has the form of one; the header beats it."""
    more = {"type": scope_type, "subprotocols": subprotocols}
    assert token_from_header({**scope_with(), **more}) == token
    assert token_from_header({**scope_with(("Authorization", "Bearer user")), **more}) == "user"


async def test_header_beats_cookie(http_auth: Any, auth: Any, scope_with: Any) -> None:
    """A51: with a token in the header the cookie is not looked at, even when the token is bad."""
    cookie = ("Cookie", "backstage-auth=limited")
    scope = scope_with(("Authorization", "Bearer service"), cookie)
    assert (await http_auth.credentials(scope, allow_limited_access=True)).principal.type == "service"
    with pytest.raises(AuthenticationError, match=r"^Illegal token$"):
        await http_auth.credentials(scope_with(("Authorization", "Bearer bad"), cookie), allow_limited_access=True)
    scope = scope_with(("Authorization", "Basic Zm9vOmJhcg=="), cookie)
    assert (await http_auth.credentials(scope, allow_limited_access=True)).principal.type == "user"
    assert [token for token, _ in auth.verified] == ["service", "bad", "limited"]


async def test_limited_token_in_the_header(http_auth: Any, scope_with: Any) -> None:
    """A51: a limited token in the header is accepted where limited access is allowed, and only there."""
    scope = scope_with(("Authorization", "Bearer limited"))
    with pytest.raises(AuthenticationError, match=r"^Illegal limited user token$"):
        await http_auth.credentials(scope)
    assert (await http_auth.credentials(scope, allow_limited_access=True)).principal.type == "user"


async def test_without_allow(http_auth: Any, scope_with: Any) -> None:
    """A52: without `allow` whatever was found is returned, nobody included; what cannot be verified still raises."""
    assert (await http_auth.credentials(scope_with())).principal.type == "none"
    assert (await http_auth.credentials(scope_with(("Authorization", "Bearer user")))).principal.type == "user"
    with pytest.raises(AuthenticationError, match=r"^Illegal token$"):
        await http_auth.credentials(scope_with(("Authorization", "Bearer garbage")))
    with pytest.raises(ServiceUnavailableError):
        await http_auth.credentials(scope_with(("Authorization", "Bearer outage")))
    with pytest.raises(NotAllowedError, match=r"restricted to"):
        await http_auth.credentials(scope_with(("Authorization", "Bearer elsewhere")))


@pytest.mark.parametrize(
    ("token", "allow", "error", "message"),
    [
        (None, ["user"], AuthenticationError, "Missing credentials"),
        (None, ["user", "service"], AuthenticationError, "Missing credentials"),
        (None, [], AuthenticationError, "Missing credentials"),
        ("service", ["user"], NotAllowedError, "This endpoint does not allow 'service' credentials"),
        ("service", ["user", "none"], NotAllowedError, "This endpoint does not allow 'service' credentials"),
        ("user", ["service"], NotAllowedError, "This endpoint does not allow 'user' credentials"),
        ("user", [], NotAllowedError, "This endpoint does not allow 'user' credentials"),
    ],
)
async def test_allow_refuses(http_auth: Any, scope_with: Any, token: Any, allow: Any, error: Any, message: Any) -> None:
    """A52, H75: missing credentials are a 401, those of a kind that is not allowed a 403, in the recorded words."""
    scope = scope_with(("Authorization", f"Bearer {token}")) if token else scope_with()
    with pytest.raises(error) as caught:
        await http_auth.credentials(scope, allow=allow)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("token", "allow"),
    [(None, ["none"]), (None, ["user", "none"]), ("user", {"user"}), ("service", ("user", "service"))],
)
async def test_allow_accepts(http_auth: Any, scope_with: Any, token: Any, allow: Any) -> None:
    """A52: a principal of an allowed kind is returned."""
    scope = scope_with(("Authorization", f"Bearer {token}")) if token else scope_with()
    assert (await http_auth.credentials(scope, allow=allow)).principal.type in allow


async def test_allow_as_text(http_auth: Any, scope_with: Any) -> None:
    """A52: a text instead of a list would allow any part of it; it is an error that shows the right form."""
    with pytest.raises(TypeError, match=r"allow=\['user'\]"):
        await http_auth.credentials(scope_with(), allow="user")


async def test_token_from_elsewhere(auth: Any, discovery: Any, scope_with: Any) -> None:
    """A56: how a token is read off a request may be replaced."""

    def from_query(scope: Any) -> Any:
        return "user" if scope.get("query_string") == b"token=user" else token_from_header(scope)

    factory: Any = create_http_auth_service_factory(token_from_request=from_query)

    class Plugin:
        id = "catalog"

    http_auth = factory.factory(auth=auth, discovery=discovery, plugin=Plugin())
    assert (await http_auth.credentials({**scope_with(), "query_string": b"token=user"})).principal.type == "user"
    assert (await http_auth.credentials(scope_with(("Authorization", "Bearer service")))).principal.type == "service"
    assert (await http_auth.credentials(scope_with())).principal.type == "none"


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([], None),
        (["backstage-auth=x"], "x"),
        (['backstage-auth="x"'], "x"),
        (["backstage-auth=a%2Eb"], "a.b"),
        (["backstage-auth="], None),
        (["xbackstage-auth=x"], None),
        (["backstage-auth=first; backstage-auth=second"], "first"),
        (["other=1", "backstage-auth=x"], "x"),
        (["backstage-auth"], None),
        ([" backstage-auth = x "], "x"),
        (["backstage-auth=a=b"], "a=b"),
    ],
)
def test_cookie_header(scope_with: Any, headers: Any, token: Any) -> None:
    """A51: the cookie is found wherever it stands in one or several cookie headers; the first of its name counts."""
    assert token_from_cookie(scope_with(*(("Cookie", header) for header in headers))) == token


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(authorization=st.binary(max_size=30), cookie=st.binary(max_size=60))
async def test_any_headers(http_auth: Any, authorization: Any, cookie: Any) -> None:
    """A50, A51: whatever bytes the headers hold, the answer is credentials or an authentication error."""
    headers = [(b"authorization", authorization), (b"cookie", b"backstage-auth=" + cookie)]
    try:
        credentials = await http_auth.credentials({"headers": headers}, allow_limited_access=True)
    except AuthenticationError:
        return
    assert credentials.principal.type in ("none", "user", "service")

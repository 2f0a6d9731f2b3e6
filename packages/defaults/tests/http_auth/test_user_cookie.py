"""The cookie that lets a browser read on the user's behalf."""

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import Response

from understage.defaults.http_auth.cookie import CookieFormat
from understage.errors import AuthenticationError, NotAllowedError
from understage.plugin_api import Credentials, NonePrincipal, ServicePrincipal, UserPrincipal

USER = ("Authorization", "Bearer user")


def cookies_of(response: Response) -> list[str]:
    return [value for name, value in response.headers.items() if name == "set-cookie"]


async def test_recorded_cookie(http_auth: Any, scope_with: Any, recorded_token: Any) -> None:
    """A53, A54, A55: the cookie is the one that a Node backend sets, byte for byte, and its end is returned."""
    response = Response()
    ends = await http_auth.issue_user_cookie(scope_with(USER), response)
    assert cookies_of(response) == [
        (
            f"backstage-auth={recorded_token}; Domain=localhost; Path=/; Expires=Sat, 21 Nov 2026 09:29:32 GMT; "
            "HttpOnly; Secure; Priority=High; SameSite=None"
        )
    ]
    assert ends == datetime(2026, 11, 21, 9, 29, 32, tzinfo=UTC)


async def test_recorded_removal(http_auth: Any, scope_with: Any) -> None:
    """A54, A55: credentials of nobody clear the cookie, as recorded."""
    response = Response()
    ends = await http_auth.issue_user_cookie(scope_with(USER), response, credentials=Credentials(NonePrincipal()))
    assert cookies_of(response) == [
        (
            "backstage-auth=; Domain=localhost; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; "
            "HttpOnly; Secure; Priority=High; SameSite=None"
        )
    ]
    assert ends is None


@pytest.mark.parametrize(
    ("url", "domain", "is_secure"),
    [
        ("http://localhost:7007/api/catalog", "localhost", True),
        ("https://portal.example.com/api/catalog", "portal.example.com", True),
        ("https://Portal.Example.com:8443/api/catalog", "portal.example.com", True),
        ("http://portal.example.com/api/catalog", "portal.example.com", False),
        ("http://localhost.example.com/api/catalog", "localhost.example.com", False),
        ("http://127.0.0.1:7007/api/catalog", "127.0.0.1", False),
        ("http://[::1]:7007/api/catalog", "[::1]", False),
    ],
)
def test_attributes(url: Any, domain: Any, is_secure: Any) -> None:
    """A53: the domain is the external host; https and localhost make it Secure and SameSite None, else it is Lax."""
    security = (
        "HttpOnly; Secure; Priority=High; SameSite=None" if is_secure else "HttpOnly; Priority=High; SameSite=Lax"
    )
    assert CookieFormat(url).set("t", 0) == (
        f"backstage-auth=t; Domain={domain}; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; {security}"
    )


@pytest.mark.parametrize(("lifetime", "is_kept"), [(301, True), (300, False), (10, False)])
async def test_valid_cookie_is_kept(http_auth: Any, auth: Any, scope_with: Any, lifetime: Any, is_kept: Any) -> None:
    """A54: a cookie that is valid for more than five minutes is kept, and its end returned.

    deviation: there is no check for headers that were sent already, as responses here are sent only when returned.
    """
    auth.limited_lifetime = lifetime
    response = Response()
    ends = await http_auth.issue_user_cookie(scope_with(USER, ("Cookie", "backstage-auth=limited")), response)
    assert cookies_of(response) == [] if is_kept else len(cookies_of(response)) == 1
    assert (ends == auth.ends(lifetime)) is is_kept


@pytest.mark.parametrize("cookie", ["garbage", "other-limited", "service", "outage", "elsewhere"])
async def test_other_cookies_are_replaced(http_auth: Any, scope_with: Any, cookie: Any) -> None:
    """A54: a cookie that is invalid, or another user's, is replaced.

    deviation: Node backends keep another user's cookie, with which the browser would go on reading as that user.
    """
    response = Response()
    await http_auth.issue_user_cookie(scope_with(USER, ("Cookie", f"backstage-auth={cookie}")), response)
    assert len(cookies_of(response)) == 1


@pytest.mark.parametrize(
    ("token", "error", "message"),
    [
        (None, AuthenticationError, "Missing credentials"),
        ("service", NotAllowedError, "This endpoint does not allow 'service' credentials"),
        ("limited", AuthenticationError, "Illegal limited user token"),
        ("garbage", AuthenticationError, "Illegal token"),
    ],
)
async def test_who_gets_no_cookie(http_auth: Any, scope_with: Any, token: Any, error: Any, message: Any) -> None:
    """A54, A55: by default the request's own credentials count; only full user tokens get a cookie."""
    scope = scope_with(("Authorization", f"Bearer {token}")) if token else scope_with()
    response = Response()
    with pytest.raises(error) as caught:
        await http_auth.issue_user_cookie(scope, response)
    assert str(caught.value) == message
    assert cookies_of(response) == []


async def test_given_credentials(http_auth: Any, scope_with: Any) -> None:
    """A54: credentials may be given; those of anything but a user are an authentication error."""
    user = Credentials(UserPrincipal("user:default/jane"), None, "user")
    response = Response()
    assert await http_auth.issue_user_cookie(scope_with(), response, credentials=user) is not None
    assert len(cookies_of(response)) == 1
    service = Credentials(ServicePrincipal("plugin:search"))
    with pytest.raises(AuthenticationError, match=r"The cookie is for users"):
        await http_auth.issue_user_cookie(scope_with(USER), Response(), credentials=service)

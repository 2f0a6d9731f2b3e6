"""Who may come in: the credentials barrier, its policies, the key set and the cookie endpoints."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.http_router.policies import AuthPolicies
from understage.errors import InputError
from understage.plugin_api import Receive, Scope, Send

COOKIE = "/.backstage/auth/v1/cookie"
JWKS = "/.backstage/auth/v1/jwks.json"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = f"{scope['root_path']} {scope['path']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def started(make_plugin: Callable[..., Any], data: dict[str, Any] | None = None, **policies: str) -> Any:
    plugin = make_plugin(data)
    plugin.router.use(echo)
    for allow, path in policies.items():
        plugin.router.add_auth_policy(path=path, allow=allow.replace("_", "-"))
    await plugin.lifecycle.startup()
    return plugin


async def test_missing_credentials_are_401(make_plugin: Callable[..., Any]) -> None:
    """H70, H75: without credentials every route is a 401 document with the address below the plugin."""
    plugin = await started(make_plugin)
    response = await plugin.get("/entities?a=b", token=None)
    assert response.status_code == 401
    assert response.content == (
        b'{"error":{"name":"AuthenticationError","message":"Missing credentials"},'
        b'"request":{"method":"GET","url":"/entities?a=b"},"response":{"statusCode":401}}'
    )
    assert re.fullmatch(r'W/"[0-9a-f]+-[A-Za-z0-9+/]{27}"', response.headers["etag"])
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["", "/", "/x", "/x/y"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_the_barrier_covers_the_root_and_every_method(
    make_plugin: Callable[..., Any], path: str, method: str
) -> None:
    """H70, H1: the plugin's root and all its paths are 401 without credentials, for every method."""
    plugin = await started(make_plugin)
    assert (await plugin.get(path, token=None, method=method)).status_code == 401


async def test_users_and_services_come_in(make_plugin: Callable[..., Any]) -> None:
    """H70: user and service tokens pass; the app sees the full path and the plugin's root path."""
    plugin = await started(make_plugin)
    for token in ("user", "service"):
        assert (await plugin.get("/a/b", token=token)).text == "/api/test /api/test/a/b"


async def test_bad_tokens_are_401(make_plugin: Callable[..., Any]) -> None:
    """H75: a bad token is 401, a limited one too."""
    plugin = await started(make_plugin)
    for token in ("garbage", "limited"):
        response = await plugin.get("/x", token=token)
        assert response.status_code == 401
        assert response.json()["error"]["message"] == "Illegal token"


async def test_unauthenticated_routes_are_not_checked(make_plugin: Callable[..., Any]) -> None:
    """H72: an unauthenticated route is open to everybody; even a bad token is no error there."""
    plugin = await started(make_plugin, unauthenticated="/health")
    for token in (None, "garbage", "user"):
        assert (await plugin.get("/health/x", token=token)).status_code == 200
    assert plugin.http_auth.calls == 0
    assert (await plugin.get("/healthy", token=None)).status_code == 401


async def test_unauthenticated_is_tested_before_cookie(make_plugin: Callable[..., Any]) -> None:
    """H72: where both policies match, the route is not authenticated at all."""
    plugin = await started(make_plugin, user_cookie="/", unauthenticated="/open")
    assert (await plugin.get("/open", token="garbage")).status_code == 200


async def test_cookie_routes_take_limited_tokens(make_plugin: Callable[..., Any]) -> None:
    """H73: user-cookie routes also accept limited user tokens, from header or cookie."""
    plugin = await started(make_plugin, user_cookie="/static")
    cookie = {"cookie": "backstage-auth=limited"}
    assert (await plugin.get("/static/x", token="limited")).status_code == 200
    assert (await plugin.get("/static/x", token=None, headers=cookie)).status_code == 200
    assert (await plugin.get("/static/x", token=None)).status_code == 401
    assert (await plugin.get("/other", token=None, headers=cookie)).status_code == 401


async def test_policy_can_be_switched_off(make_plugin: Callable[..., Any]) -> None:
    """H74: with the default policy disabled the barrier is off."""
    plugin = await started(make_plugin, {"backend": {"auth": {"dangerouslyDisableDefaultAuthPolicy": True}}})
    assert (await plugin.get("/x", token=None)).status_code == 200
    assert (await plugin.get("/x", token="garbage")).status_code == 200


def test_unknown_policies_are_refused(make_plugin: Callable[..., Any]) -> None:
    """H70: a policy other than the two is an error that names it and the path."""
    with pytest.raises(InputError, match=r"'/x'.*'unauthenticated' or 'user-cookie', got 'everybody'"):
        make_plugin().router.add_auth_policy(path="/x", allow="everybody")


@pytest.mark.parametrize(
    ("policy", "matching", "other"),
    [
        ("/", ["/", "/a", "/a/b"], []),
        ("*", ["/", "/a", "/a/b"], []),
        ("/a", ["/a", "/a/", "/a/b"], ["/", "/ab", "/b/a", "/A"]),
        ("a/", ["/a", "/a/b"], ["/ab"]),
        ("/a/:id", ["/a/1", "/a/1/b"], ["/a", "/a/"]),
        ("/a/:id/b", ["/a/1/b", "/a/x.y/b/c"], ["/a/b", "/a/1/2/b"]),
        ("/a.b", ["/a.b"], ["/axb"]),
        ("/files/*", ["/files/a/b"], ["/file"]),
        ("/a", [], ["/a/../b", "/a/./b", "/a/..", "/../a"]),
    ],
)
def test_policy_paths(policy: str, matching: list[str], other: list[str]) -> None:
    """H71: policies match prefixes on segment boundaries, with parameters; / and * match everything."""
    policies = AuthPolicies()
    policies.add(policy, "user-cookie")
    assert [policies.find(path) for path in matching] == ["user-cookie"] * len(matching)
    assert [policies.find(path) for path in other] == [None] * len(other)


@given(st.text(), st.text())
def test_policies_only_open_what_lies_below_them(policy: str, path: str) -> None:
    """H71: whatever the texts, a policy without parameters opens nothing outside of its prefix."""
    policies = AuthPolicies()
    policies.add(policy, "unauthenticated")
    literal = policy.strip("/")
    if literal and "*" not in literal and ":" not in literal and policies.find(f"/{path}"):
        assert f"/{path}/".startswith(f"/{literal}/")


async def test_key_set_is_public_and_answers_before_the_start(make_plugin: Callable[..., Any]) -> None:
    """H5, A44: the key set needs neither credentials nor a started plugin."""
    plugin = make_plugin()
    response = await plugin.get(JWKS, token=None)
    assert (response.status_code, response.content) == (200, b'{"keys":[{"kid":"k","alg":"ES256"}]}')
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_cookie_is_set_for_users(make_plugin: Callable[..., Any]) -> None:
    """A55: GET of the cookie endpoint sets the cookie and tells its end with milliseconds."""
    plugin = await started(make_plugin)
    response = await plugin.get(COOKIE)
    assert (response.status_code, response.content) == (200, b'{"expiresAt":"2026-11-21T09:29:32.000Z"}')
    assert response.headers["set-cookie"] == "backstage-auth=limited; Path=/"
    assert response.headers["content-length"] == "40"
    assert response.headers["etag"].startswith('W/"28-')


async def test_cookie_is_cleared(make_plugin: Callable[..., Any]) -> None:
    """A55: DELETE of the cookie endpoint is a 204 without length that clears the cookie."""
    plugin = await started(make_plugin)
    response = await plugin.get(COOKIE, method="DELETE")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["set-cookie"] == "backstage-auth=; Path=/"
    assert "content-length" not in response.headers


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_cookie_endpoint_is_behind_the_barrier(make_plugin: Callable[..., Any], method: str) -> None:
    """A55: anonymous callers get 401, limited tokens too, services 403 for GET."""
    plugin = await started(make_plugin)
    assert (await plugin.get(COOKIE, token=None, method=method)).status_code == 401
    assert (await plugin.get(COOKIE, token="limited", method=method)).status_code == 401
    if method == "GET":
        assert (await plugin.get(COOKIE, token="service")).status_code == 403


async def test_cookie_path_is_the_apps_for_other_methods(make_plugin: Callable[..., Any]) -> None:
    """A55: only GET, HEAD and DELETE are the framework's."""
    plugin = await started(make_plugin)
    assert (await plugin.get(COOKIE, method="POST")).text == f"/api/test /api/test{COOKIE}"


async def test_malformed_paths_are_400_after_the_barrier(make_plugin: Callable[..., Any]) -> None:
    """H20: malformed percent-encoding is an InputError document; without credentials it is 401 first."""
    plugin = await started(make_plugin)
    for path in ("/%zz", "/a%", "/%ff"):
        response = await plugin.get(path)
        assert response.status_code == 400
        assert response.json()["error"]["name"] == "InputError"
        assert response.json()["request"]["url"] == path
        assert (await plugin.get(path, token=None)).status_code == 401
    assert (await plugin.get("/a%20b%C3%A4")).status_code == 200

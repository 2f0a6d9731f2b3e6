"""What proxies say about clients."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.defaults.root_http_router.trust_proxy import _believe, read_trust_proxy
from understage.plugin_api import Receive, Scope, Send

FORWARDED = {
    "x-forwarded-for": "203.0.113.9, 10.0.0.2",
    "x-forwarded-proto": "https, http",
    "x-forwarded-host": "Portal.example:8443, inner",
}
BELIEVED = {"scheme": "https", "host": "portal.example:8443"}
OWN = {"client": "10.0.0.1", "scheme": "http", "host": "localhost:7007"}


async def show(scope: Scope, receive: Receive, send: Send) -> None:
    host = dict(scope["headers"])[b"host"].decode()
    body = json.dumps({"client": scope["client"][0], "scheme": scope["scheme"], "host": host}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def seen(make_root: Callable[..., Any], trust: object, **headers: str) -> dict[str, str]:
    root = make_root({"backend": {"trustProxy": trust}}, client_address=("10.0.0.1", 99))
    root.use("/api/app", show)
    result: dict[str, str] = (await root.client.get("/x", headers=headers or FORWARDED)).json()
    return result


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        (None, OWN),
        (False, OWN),
        (0, OWN),
        (True, {"client": "203.0.113.9", **BELIEVED}),
        (1, {"client": "10.0.0.2", **BELIEVED}),
        (2, {"client": "203.0.113.9", **BELIEVED}),
        (9, {"client": "203.0.113.9", **BELIEVED}),
        ("10.0.0.1", {"client": "10.0.0.2", **BELIEVED}),
        ("loopback, 10.0.0.0/8", {"client": "203.0.113.9", **BELIEVED}),
        (["uniquelocal"], {"client": "203.0.113.9", **BELIEVED}),
        ("10.0.0.2", OWN),
        ("loopback", OWN),
    ],
)
async def test_who_is_believed(make_root: Callable[..., Any], trust: object, expected: dict[str, str]) -> None:
    """H8: a boolean, a number of hops, or addresses decide whether forwarded headers are believed."""
    assert await seen(make_root, trust) == expected


async def test_missing_headers_change_nothing(make_root: Callable[..., Any]) -> None:
    """H8: a trusted proxy that says nothing leaves the request as it is, and odd schemes are not believed."""
    assert await seen(make_root, True, x="y") == OWN
    assert (await seen(make_root, True, **{"x-forwarded-proto": "gopher"}))["scheme"] == "http"


@pytest.mark.parametrize("trust", ["nowhere", ["10.0.0.0/99"], [5], {"a": 1}])
def test_wrong_settings_fail_the_start(trust: object) -> None:
    """H8: anything else is an error that names the key."""
    with pytest.raises(ConfigError, match=r"backend\.trustProxy"):
        read_trust_proxy(config_from_data({"backend": {"trustProxy": trust}}))


@given(st.text(alphabet="0123456789.:, abcf"), st.integers(1, 5))
def test_no_forwarded_header_breaks_the_server(forwarded: str, hops: int) -> None:
    """H8: whatever a client forwards, the address found is its own or one of the list."""
    trusts = read_trust_proxy(config_from_data({"backend": {"trustProxy": hops}}))
    assert trusts is not None
    headers = [(b"x-forwarded-for", forwarded.encode())]
    scope: dict[str, Any] = {"type": "http", "client": ("10.0.0.1", 9), "headers": headers}
    _believe(scope, "10.0.0.1", trusts)
    assert scope["client"][0] in ["10.0.0.1", *(part.strip() for part in forwarded.split(","))]

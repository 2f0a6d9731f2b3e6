"""Content security policy, referrer policy and their siblings."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.config import ConfigError, config_from_data
from understage.defaults.root_http_router.security_headers import content_security_policy, read_security_headers
from understage.plugin_api import Receive, Scope, Send

DEFAULT = (
    "default-src 'self';base-uri 'self';font-src 'self' https: data:;frame-ancestors 'self';img-src 'self' data:;"
    "object-src 'none';script-src 'self' 'unsafe-eval';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';"
    "upgrade-insecure-requests"
)


def policy(csp: dict[str, Any]) -> str:
    return content_security_policy(config_from_data(csp))


def test_default_policy_is_that_of_node() -> None:
    """H30: without configuration the policy is the stock one: unsafe-eval for scripts and no form-action."""
    assert content_security_policy(None) == DEFAULT
    assert "form-action" not in DEFAULT


def test_configured_directives() -> None:
    """H30: directives in kebab or camel case are replaced in place, added at the end, or left out when false."""
    assert policy({"connect-src": ["'self'", "http:", "https:"]}) == f"{DEFAULT};connect-src 'self' http: https:"
    assert policy({"imgSrc": ["*"]}) == DEFAULT.replace("img-src 'self' data:", "img-src *")
    assert policy({"upgrade-insecure-requests": False}) == DEFAULT.removesuffix(";upgrade-insecure-requests")
    assert policy({"styleSrc": False, "unknown-src": False}).count("style-src") == 0


@pytest.mark.parametrize("value", ["'self'; script-src *", "a,b", "a\r\nx: y", "ä"])
def test_values_cannot_smuggle_directives(value: str) -> None:
    """H30: a value that would end its directive or the header fails the start and names the key."""
    with pytest.raises(ConfigError, match=r"backend\.csp\.img-src"):
        policy({"img-src": [value]})


def test_no_cross_origin_headers() -> None:
    """H31: none of the cross-origin policies is sent, nor X-Powered-By or Origin-Agent-Cluster."""
    names = [name for name, _ in read_security_headers(config_from_data({}))]
    assert names == [
        b"content-security-policy",
        b"referrer-policy",
        b"strict-transport-security",
        b"x-content-type-options",
        b"x-dns-prefetch-control",
        b"x-download-options",
        b"x-frame-options",
        b"x-permitted-cross-domain-policies",
        b"x-xss-protection",
    ]


def test_referrer_policy() -> None:
    """H32: backend.referrer.policy overrides the referrer policy; an unknown one fails the start."""
    data: dict[str, Any] = {"backend": {"referrer": {"policy": ["no-referrer", "strict-origin"]}}}
    assert dict(read_security_headers(config_from_data(data)))[b"referrer-policy"] == b"no-referrer,strict-origin"
    data["backend"]["referrer"]["policy"] = ["everything"]
    with pytest.raises(ConfigError, match=r"backend\.referrer\.policy: unknown policy 'everything'"):
        read_security_headers(config_from_data(data))


async def test_headers_of_the_app_win(make_root: Callable[..., Any]) -> None:
    """H31: an app that sets one of the headers itself replaces ours, and the others stay."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"DENY")]})
        await send({"type": "http.response.body", "body": b""})

    root = make_root()
    root.use("/api/app", app)
    headers = (await root.client.get("/x")).headers
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_errors_and_404_carry_them(make_root: Callable[..., Any]) -> None:
    """H31: error documents and empty 404s have the security headers as well."""
    root = make_root({"backend": {"csp": {"connect-src": ["'self'"]}}})
    for path in ("/api/nope", "/nope"):
        assert (await root.client.get(path)).headers["content-security-policy"] == f"{DEFAULT};connect-src 'self'"

"""The health probes of the server."""

from collections.abc import Callable
from typing import Any

import pytest

from understage.config import ConfigError

READINESS = "/.backstage/health/v1/readiness"
LIVENESS = "/.backstage/health/v1/liveness"


async def test_liveness_is_always_ok(make_root: Callable[..., Any]) -> None:
    """H50: liveness is 200 while starting, running and stopping, with the recorded body and tag."""
    root = make_root()
    for step in (root.lifecycle.startup, root.lifecycle.before_shutdown, root.lifecycle.shutdown):
        response = await root.client.get(LIVENESS)
        assert (response.status_code, response.content) == (200, b'{"status":"ok"}')
        await step()
    assert (await root.client.get(LIVENESS)).status_code == 200


async def test_readiness_follows_the_lifecycle(make_root: Callable[..., Any]) -> None:
    """H51: readiness is 503 until started, 200 after it, and 503 from the before-shutdown phase on."""
    root = make_root()
    starting = await root.client.get(READINESS)
    assert starting.status_code == 503
    assert starting.content == b'{"message":"Backend has not started yet","status":"error"}'
    await root.lifecycle.startup()
    running = await root.client.get(READINESS)
    assert (running.status_code, running.content) == (200, b'{"status":"ok"}')
    await root.lifecycle.before_shutdown()
    stopping = await root.client.get(READINESS)
    assert stopping.status_code == 503
    assert stopping.content == b'{"message":"Backend is shutting down","status":"error"}'


async def test_probe_headers_are_those_of_node(make_root: Callable[..., Any]) -> None:
    """H31, H34, H50: a probe's answer carries the headers that were recorded of a Node backend, in their order."""
    response = await make_root().client.get(LIVENESS)
    assert [(name.lower(), value) for name, value in response.headers.multi_items()] == [
        (
            "content-security-policy",
            (
                "default-src 'self';base-uri 'self';font-src 'self' https: data:;frame-ancestors 'self';"
                "img-src 'self' data:;object-src 'none';script-src 'self' 'unsafe-eval';script-src-attr 'none';"
                "style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests"
            ),
        ),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=15552000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-dns-prefetch-control", "off"),
        ("x-download-options", "noopen"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-permitted-cross-domain-policies", "none"),
        ("x-xss-protection", "0"),
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", "15"),
        ("etag", 'W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg"'),
        ("vary", "Accept-Encoding"),
    ]


async def test_probes_carry_configured_headers(make_root: Callable[..., Any]) -> None:
    """H52: the headers of backend.health.headers are added to both probes, whatever their status."""
    root = make_root({"backend": {"health": {"headers": {"x-probe": "yes", "Cache-Control": "no-store"}}}})
    for path in (LIVENESS, READINESS):
        response = await root.client.get(path)
        assert response.headers["x-probe"] == "yes"
        assert response.headers["cache-control"] == "no-store"
    assert "x-probe" not in (await root.client.get("/api/x")).headers


@pytest.mark.parametrize("headers", [{"x": ""}, {"x": 5}, {"x": ["a"]}, {"x": "a\r\nb"}, "text", ["x"]])
def test_wrong_probe_headers_fail_the_start(make_root: Callable[..., Any], headers: object) -> None:
    """H52: anything but an object of texts that are not empty is an error that names the key."""
    with pytest.raises(ConfigError, match=r"backend\.health\.headers"):
        make_root({"backend": {"health": {"headers": headers}}})


async def test_probes_need_no_credentials_and_no_get_falls_through(make_root: Callable[..., Any]) -> None:
    """H53: probes are answered without credentials, also for HEAD; other methods are not theirs."""
    root = make_root()
    assert (await root.client.head(LIVENESS)).headers["content-length"] == "15"
    assert (await root.client.post(LIVENESS)).status_code == 404


async def test_probes_survive_the_rate_limit(make_root: Callable[..., Any]) -> None:
    """H4: however often a client asks, its probes are answered."""
    root = make_root({"backend": {"rateLimit": {"incomingRequestLimit": 1}}})
    statuses = {(await root.client.get(LIVENESS)).status_code for _ in range(5)}
    assert statuses == {200}

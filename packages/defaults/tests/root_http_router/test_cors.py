"""Other origins: who may read, and what preflights are told."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from understage.defaults.root_http_router.origin_patterns import origin_matcher
from understage.plugin_api import Receive, Scope, Send

ORIGIN = "http://localhost:3000"
STOCK = {
    "backend": {
        "cors": {
            "origin": ORIGIN,
            "methods": ["GET", "HEAD", "PATCH", "POST", "PUT", "DELETE"],
            "credentials": True,
        }
    }
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2"), (b"vary", b"Cookie")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def test_preflight_is_that_of_node(make_root: Callable[..., Any]) -> None:
    """H33: a preflight of an allowed origin is answered with the headers that were recorded of a Node backend."""
    root = make_root(STOCK)
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "authorization,content-type"}
    response = await root.client.options("/api/catalog/entities", headers={"origin": ORIGIN, **asked})
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers.multi_items()[9:] == [
        ("access-control-allow-origin", ORIGIN),
        ("vary", "Origin, Access-Control-Request-Headers"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET,HEAD,PATCH,POST,PUT,DELETE"),
        ("access-control-allow-headers", "authorization,content-type"),
        ("content-length", "0"),
    ]


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3001", None])
async def test_other_origins_are_not_answered(make_root: Callable[..., Any], origin: str | None) -> None:
    """H33: preflights of other origins, or of none, go on to the routes and get no CORS headers."""
    root = make_root(STOCK)
    root.use("/api/app", app)
    headers = {"origin": origin} if origin else {}
    response = await root.client.options("/x", headers=headers)
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_answers_name_the_origin(make_root: Callable[..., Any]) -> None:
    """H33: answers to an allowed origin carry it, and vary by it besides what they varied by before."""
    root = make_root(STOCK)
    root.use("/api/app", app)
    response = await root.client.get("/x", headers={"origin": ORIGIN})
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers.get_list("vary") == ["Origin, Cookie, Accept-Encoding"]
    error = await root.client.get("/api/nope", headers={"origin": ORIGIN})
    assert (error.status_code, error.headers["access-control-allow-origin"]) == (404, ORIGIN)


async def test_without_configuration_there_is_no_cors(make_root: Callable[..., Any]) -> None:
    """H33: without backend.cors no CORS headers are given."""
    root = make_root()
    response = await root.client.options("/api/x", headers={"origin": ORIGIN, "access-control-request-method": "GET"})
    assert response.status_code == 404
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_all_settings(make_root: Callable[..., Any]) -> None:
    """H33: allowed and exposed headers, maximum age and success status are honoured; no origin means any."""
    cors = {
        "allowedHeaders": ["x-a", "x-b"],
        "exposedHeaders": ["x-c"],
        "maxAge": 600,
        "optionsSuccessStatus": 200,
    }
    root = make_root({"backend": {"cors": cors}})
    root.use("/api/app", app)
    response = await root.client.options("/x", headers={"origin": "http://any.example"})
    assert response.status_code == 200
    assert response.headers.multi_items()[9:] == [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET,HEAD,PUT,PATCH,POST,DELETE"),
        ("access-control-allow-headers", "x-a,x-b"),
        ("access-control-max-age", "600"),
        ("access-control-expose-headers", "x-c"),
        ("content-length", "0"),
    ]
    assert (await root.client.get("/x")).headers["access-control-expose-headers"] == "x-c"


async def test_preflights_may_go_on(make_root: Callable[..., Any]) -> None:
    """H33: with preflightContinue the app answers preflights, with CORS headers."""
    root = make_root({"backend": {"cors": {"origin": [ORIGIN], "preflightContinue": True}}})
    root.use("/api/app", app)
    response = await root.client.options("/x", headers={"origin": ORIGIN})
    assert (response.status_code, response.content) == (200, b"{}")
    assert response.headers["access-control-allow-methods"] == "GET,HEAD,PUT,PATCH,POST,DELETE"


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("http://localhost:3000", ["http://localhost:3000", "HTTP://LOCALHOST:3000"], ["http://localhost:30000", ""]),
        ("https://*.example.com", ["https://a.example.com", "https://a.b.example.com"], ["https://example.com"]),
        ("https://*.example.com", [], ["https://evil.com/.example.com", "http://a.example.com"]),
        ("https://**.example.com", ["https://a.example.com"], ["https://a/.example.com"]),
        ("http?(s)://x.io", ["http://x.io", "https://x.io"], ["httpss://x.io"]),
        ("https://{a,b}.io", ["https://a.io", "https://b.io"], ["https://c.io", "https://{a,b}.io"]),
        ("https://{a{1,2},b}.io", ["https://a1.io", "https://a2.io", "https://b.io"], ["https://a.io"]),
        ("https://@(a|b).io", ["https://a.io"], ["https://ab.io"]),
        ("https://+(ab).io", ["https://abab.io"], ["https://.io"]),
        ("https://x[0-9].io", ["https://x5.io"], ["https://xy.io", "https://x55.io"]),
        ("https://x[!0-9].io", ["https://xy.io"], ["https://x5.io", "https://x/.io"]),
        ("https://x?.io", ["https://xy.io"], ["https://x.io"]),
        ("https://x[9-0].io", ["https://x[9-0].io"], ["https://x9.io"]),
        ("!https://evil.io", ["https://good.io"], ["https://evil.io"]),
        ("*", ["null"], ["https://a.io"]),
    ],
)
def test_origin_patterns(pattern: str, matching: list[str], other: list[str]) -> None:
    """H33: origins are globs; stars and question marks do not match slashes."""
    matches = origin_matcher([pattern])
    assert [origin for origin in matching if not matches(origin)] == []
    assert [origin for origin in other if matches(origin)] == []


@given(st.lists(st.text(alphabet="abz09.:/-_"), min_size=1), st.text(alphabet="abz09.:/-_"))
def test_plain_patterns_match_only_themselves(patterns: list[str], origin: str) -> None:
    """H33: a pattern without wildcards matches exactly that origin."""
    assert origin_matcher(patterns)(origin) is (origin in patterns)


@given(st.text(alphabet="ab*?[]!^-\\(){},|+@./"), st.text(alphabet="ab./"))
@example("[?--]", "")
@example("[a--]", "-")
def test_any_pattern_can_be_compiled(pattern: str, origin: str) -> None:
    """H33: no pattern breaks the server, and one of stars and letters agrees with a plain regular expression."""
    matched = origin_matcher([pattern])(origin)
    assert matched in (True, False)
    if not re.search(r"[^ab*./]", pattern):
        expected = re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), origin) is not None
        assert matched is expected

"""Answers of a stock backend, replayed: status, headers and bodies are the same."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.processes import BackendProcess, free_port, running_backend

HERE = Path(__file__).parent
RECORDINGS = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "recordings").glob("*.json"))}
VOLATILE = {"date", "etag", "content-length", "set-cookie"}
# The recorded backend has the app plugin, which answers these and forbids framing altogether; ours has none here.
ANSWERED_BY_APP = {"app-post-root"}
pytestmark = pytest.mark.xdist_group("wire")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackendProcess]:
    port = free_port()
    with running_backend(
        ["backend.py", "--config", "app-config.yaml"],
        folder=HERE,
        port=port,
        log=tmp_path_factory.mktemp("wire") / "backend.log",
        environment={"WIRE_PORT": str(port)},
    ) as process:
        yield process


@pytest.fixture(scope="module")
def client(backend: BackendProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=backend.url, headers={"accept": "application/json"}) as opened:
        yield opened


@pytest.fixture(scope="module")
def tokens(client: httpx2.Client) -> dict[str, str]:
    """The tokens that the recordings name: one of ours, and one that another issuer signed."""
    user = client.get("/api/auth/guest/refresh").json()["backstageIdentity"]["token"]
    foreign = json.loads(RECORDINGS["auth-guest-refresh"]["response_body"])["backstageIdentity"]["token"]
    return {"<user token>": user, "<user token of another issuer>": foreign}


def ask(client: httpx2.Client, recording: dict[str, Any], tokens: dict[str, str]) -> httpx2.Response:
    headers = dict(recording["request_headers"])
    authorization = headers.get("Authorization", "")
    for placeholder, token in tokens.items():
        authorization = authorization.replace(placeholder, token)
    if authorization:
        headers["Authorization"] = authorization
    body = None if recording["request_body"] is None else json.dumps(recording["request_body"])
    return client.request(recording["method"], recording["url"], headers=headers, content=body)


def comparable(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in headers if name.lower() not in VOLATILE)


def segments(token: str) -> list[Any]:
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def shape(value: Any) -> Any:
    """What is left of a JSON value when texts that differ from run to run are replaced; key order counts."""
    if isinstance(value, dict):
        return [
            (key, "<opaque>" if key in {"x", "y", "kid", "expiresAt"} else shape(item)) for key, item in value.items()
        ]
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, str) and value.count(".") == 2 and value.startswith("ey"):
        header, claims = segments(value)
        return [list(header), header["typ"], header["alg"], list(claims), claims["sub"]]
    if isinstance(value, int) and 3590 <= value <= 3600:
        return "<about an hour>"
    return value


@pytest.mark.parametrize("name", [name for name in RECORDINGS if name not in {"jwks-auth", "catalog-if-none-match"}])
def test_the_recorded_answer(name: str, client: httpx2.Client, tokens: dict[str, str]) -> None:
    """A1 A11 A44 A53 A55 H1 H6 H20 H31 H33 H50 H51 H75 K31 K272: the answer is the one that was recorded.

    deviation: without the app plugin, `POST /` carries the framework's X-Frame-Options, not the app plugin's DENY.
    """
    recording = RECORDINGS[name]
    response = ask(client, recording, tokens)
    assert response.status_code == recording["status"], response.text
    recorded = {header.lower(): value for header, value in recording["response_headers"]}
    if name in ANSWERED_BY_APP:
        assert recorded["x-frame-options"] == "DENY"
        recorded["x-frame-options"] = "SAMEORIGIN"
    assert comparable(response.headers.multi_items()) == comparable(list(recorded.items()))
    assert ("etag" in response.headers) == ("etag" in recorded)
    if name.startswith("catalog-etag"):
        assert response.json()["facets"]["kind"] == []
    elif recording["response_body"]:
        assert shape(response.json()) == shape(json.loads(recording["response_body"]))
        assert response.headers["etag"] == etag_of(response.content)
    else:
        assert response.content == b""


def etag_of(body: bytes) -> str:
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode().rstrip("=")
    return f'W/"{len(body):x}-{digest}"'


@pytest.mark.parametrize("name", ["plugin-cookie-delete", "catalog-cookie"])
def test_the_cookie_has_the_recorded_attributes(name: str, client: httpx2.Client, tokens: dict[str, str]) -> None:
    """A11, A53: the cookie holds the derived limited token and has exactly the recorded attributes."""
    recording = RECORDINGS[name]
    recorded = next(value for header, value in recording["response_headers"] if header == "Set-Cookie")
    answered = ask(client, recording, tokens).headers["set-cookie"]
    hide = re.compile(r"=ey[^;]+|Expires=\w+, \d\d \w+ 202\d \d\d:\d\d:\d\d GMT")
    assert hide.sub("<opaque>", answered) == hide.sub("<opaque>", recorded)
    if name == "catalog-cookie":
        limited = answered.split("=", 1)[1].split(";")[0]
        header, claims = segments(limited)
        assert list(header) == ["typ", "alg", "kid"]
        assert list(claims) == ["sub", "iat", "exp"]
        assert limited.split(".")[2] == segments(tokens["<user token>"])[1]["uip"]


def test_an_unchanged_answer_is_not_sent_again(client: httpx2.Client, tokens: dict[str, str]) -> None:
    """H34: a request with the ETag of the present answer gets 304 without a body, as recorded."""
    first = ask(client, RECORDINGS["catalog-etag"], tokens)
    recording = RECORDINGS["catalog-if-none-match"]
    recording = {
        **recording,
        "request_headers": {**recording["request_headers"], "If-None-Match": first.headers["etag"]},
    }
    second = ask(client, recording, tokens)
    assert second.status_code == 304
    assert second.content == b""
    assert second.headers["etag"] == first.headers["etag"]


def test_key_sets_are_public_and_start_empty(client: httpx2.Client, tokens: dict[str, str]) -> None:
    """A44: a plugin that has not called anybody serves an empty key set, in the recorded form."""
    recording = RECORDINGS["jwks-auth"]
    response = client.get(recording["url"].replace("/api/auth/", "/api/catalog/"))
    assert response.status_code == 200
    assert response.text == recording["response_body"]
    assert response.headers["etag"] == dict(recording["response_headers"])["ETag"]


def test_guest_tokens_differ_only_where_they_must(client: httpx2.Client) -> None:
    """A11: a user token names issuer, user, audience and times, and carries the limited token's signature."""
    token = client.get("/api/auth/guest/refresh").json()["backstageIdentity"]["token"]
    header, claims = segments(token)
    assert header["typ"] == "vnd.backstage.user"
    assert claims["aud"] == "backstage"
    assert claims["iss"].endswith("/api/auth")
    assert claims["exp"] - claims["iat"] == 3600

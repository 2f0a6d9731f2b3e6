"""The request log."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from understage.defaults.root_http_router.error_answers import ResponseAbortedError
from understage.plugin_api import Receive, Scope, Send


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def requests(root: Any) -> list[tuple[str, dict[str, Any]]]:
    return [entry for entry in root.logger.of("info") if entry[1].get("type") == "incomingRequest"]


async def test_one_entry_per_request(make_root: Callable[..., Any]) -> None:
    """H40: a finished request is one info entry in the combined format, with its values as metadata."""
    root = make_root()
    root.use("/api/app", hello)
    await root.client.get("/a%20b?c=d", headers={"user-agent": "test/1", "referer": "http://x.io/"})
    [(message, metadata)] = requests(root)
    assert re.fullmatch(
        r"192\.0\.2\.7 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "
        r'"GET /a%20b\?c=d HTTP/1\.1" 200 5 "http://x\.io/" "test/1"',
        message,
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata.pop("date"))
    assert metadata == {
        "type": "incomingRequest",
        "method": "GET",
        "url": "/a%20b?c=d",
        "status": 200,
        "httpVersion": "1.1",
        "userAgent": "test/1",
        "contentLength": 5,
        "referrer": "http://x.io/",
    }


async def test_missing_values_are_left_out(make_root: Callable[..., Any]) -> None:
    """H40: length, agent and referrer are metadata only if they are there, and dashes in the line."""
    root = make_root()
    del root.client.headers["user-agent"]
    await root.client.get("/api/nope")
    [(message, metadata)] = requests(root)
    assert message.endswith('"GET /api/nope HTTP/1.1" 404 - "-" "-"')
    assert not {"userAgent", "contentLength", "referrer"} & set(metadata)


async def test_quotes_cannot_forge_entries(make_root: Callable[..., Any]) -> None:
    """H40: a quote in a header cannot end its field of the line."""
    root = make_root()
    await root.client.get("/api/nope", headers={"user-agent": 'a" 200 "b'})
    [(message, _)] = requests(root)
    assert message.endswith('"a%22 200 %22b"')


async def test_failed_requests_are_logged(make_root: Callable[..., Any]) -> None:
    """H40: a request whose answer broke off is logged with the status that was sent."""
    root = make_root()

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("amid")

    root.use("/x", broken)
    with pytest.raises(ResponseAbortedError):
        await root.client.get("/x")
    assert [metadata["status"] for _, metadata in requests(root)] == [200]


async def test_the_original_address_is_logged(make_root: Callable[..., Any]) -> None:
    """H40: the address is the one the client sent, with the plugin's prefix."""
    root = make_root()
    root.use("/api/catalog", hello)
    await root.client.get("/API/catalog/x?y")
    assert requests(root)[0][1]["url"] == "/API/catalog/x?y"

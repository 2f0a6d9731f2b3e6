"""Entity tags and conditional requests."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.defaults.root_http_router.etag import NO_ETAG, is_fresh, weak_etag
from understage.plugin_api import ASGIApp, Receive, Scope, Send

JSON = (b"content-type", b"application/json; charset=utf-8")
MISSING_CREDENTIALS = (
    b'{"error":{"name":"AuthenticationError","message":"Missing credentials"},'
    b'"request":{"method":"GET","url":"/.backstage/auth/v1/cookie"},"response":{"statusCode":401}}'
)
LAST_MODIFIED = "Sat, 21 Nov 2026 08:00:00 GMT"


def answering(*pieces: bytes, headers: list[Any] | None = None, status: int = 200, sized: bool = True) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        own = [JSON, *(headers or [])]
        if sized:
            own.append((b"content-length", str(sum(map(len, pieces))).encode()))
        await send({"type": "http.response.start", "status": status, "headers": own})
        for index, piece in enumerate(pieces):
            more = index < len(pieces) - 1
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    return app


async def get(make_root: Callable[..., Any], app: ASGIApp, method: str = "GET", **headers: str) -> Any:
    root = make_root()
    root.use("/api/app", app)
    return await root.client.request(
        method, "/x", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize(
    ("body", "tag"),
    [
        (b'{"status":"ok"}', b'W/"f-VaSQ4oDUiZblZNAEkkN+sX+q3Sg"'),
        (b'{"keys":[]}', b'W/"b-J/WeZht0IF2k6V1P3IgtucDH6zY"'),
        (MISSING_CREDENTIALS, b'W/"a4-a3Ame+G9Xw4Q0oilvYqaDebzSRU"'),
    ],
)
def test_tags_are_those_of_node(body: bytes, tag: bytes) -> None:
    """H34: the tag of a body is the one that was recorded of a Node backend."""
    assert weak_etag(body) == tag


async def test_complete_answers_are_tagged(make_root: Callable[..., Any]) -> None:
    """H34: an answer in one piece is tagged whatever its status, as Node's are."""
    for status in (200, 201, 401, 500):
        response = await get(make_root, answering(b'{"keys":[]}', status=status))
        assert response.headers["etag"] == 'W/"b-J/WeZht0IF2k6V1P3IgtucDH6zY"'


async def test_streams_and_empty_answers_are_not_tagged(make_root: Callable[..., Any]) -> None:
    """H34: answers in several pieces, without a length or without a body have no tag."""
    for app in (answering(b"a", b"b"), answering(b"a", sized=False), answering(b"")):
        assert "etag" not in (await get(make_root, app)).headers


async def test_apps_may_refuse_or_bring_tags(make_root: Callable[..., Any]) -> None:
    """H34: an app's own tag is kept; an empty one means none and is not sent."""
    assert "etag" not in (await get(make_root, answering(b"{}", headers=[NO_ETAG]))).headers
    own = await get(make_root, answering(b"{}", headers=[(b"etag", b'"mine"')]))
    assert own.headers.get_list("etag") == ['"mine"']


async def test_no_tag_is_never_known(make_root: Callable[..., Any]) -> None:
    """H34: what has no tag is sent whole, as Node sends it, to clients too that name any tag at all."""
    for app in (answering(b"ab", headers=[NO_ETAG]), answering(b"a", b"b"), answering(b"ab", sized=False)):
        response = await get(make_root, app, if_none_match="*")
        assert (response.status_code, response.content) == (200, b"ab")


async def test_known_answers_are_304(make_root: Callable[..., Any]) -> None:
    """H34: a client that has the answer gets an empty 304 with the tag, without type and length."""
    for tag in ('W/"b-J/WeZht0IF2k6V1P3IgtucDH6zY"', '"b-J/WeZht0IF2k6V1P3IgtucDH6zY"', '"x", *', "*"):
        response = await get(make_root, answering(b'{"keys":[]}'), if_none_match=tag)
        if tag == '"x", *':
            assert response.status_code == 200
            continue
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == 'W/"b-J/WeZht0IF2k6V1P3IgtucDH6zY"'
        assert not {"content-type", "content-length", "vary"} & set(response.headers)


@pytest.mark.parametrize(
    ("method", "status", "headers"),
    [
        ("GET", 200, {"if_none_match": '"other"'}),
        ("GET", 200, {"if_none_match": "*", "cache_control": "no-cache"}),
        ("POST", 200, {"if_none_match": "*"}),
        ("GET", 404, {"if_none_match": "*"}),
        ("GET", 200, {}),
    ],
)
async def test_other_answers_are_sent(
    make_root: Callable[..., Any], method: str, status: int, headers: dict[str, str]
) -> None:
    """H34: other tags, other methods, other statuses and reloads get the whole answer."""
    response = await get(make_root, answering(b'{"keys":[]}', status=status), method, **headers)
    assert (response.status_code, response.content) == (status, b'{"keys":[]}')


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (LAST_MODIFIED, 304),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 304),
        ("Sat, 21 Nov 2026 07:59:59 GMT", 200),
        ("yesterday", 200),
        ("", 200),
    ],
)
async def test_modification_dates(make_root: Callable[..., Any], since: str, status: int) -> None:
    """H34: an answer that says when it was modified is 304 for clients that know it since then."""
    headers = [(b"last-modified", LAST_MODIFIED.encode()), (b"etag", b'"e"')]
    response = await get(make_root, answering(b"a", b"b", headers=headers), if_modified_since=since)
    assert (response.status_code, response.content) == (status, b"" if status == 304 else b"ab")


@given(
    st.dictionaries(st.sampled_from([b"if-none-match", b"if-modified-since", b"cache-control"]), st.binary()),
    st.dictionaries(st.sampled_from([b"etag", b"last-modified"]), st.binary()),
)
def test_any_condition_can_be_read(conditions: dict[bytes, bytes], headers: dict[bytes, bytes]) -> None:
    """H34: no conditional header breaks the server, and without a condition nothing is fresh."""
    scope = {"method": "GET", "headers": list(conditions.items())}
    fresh = is_fresh(scope, {"status": 200, "headers": list(headers.items())})
    assert fresh in (True, False)
    if not conditions.keys() - {b"cache-control"}:
        assert not fresh

"""Plain fetching: what may be read, at every hop."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from understage.defaults.url_reader.addresses import Reach
from understage.defaults.url_reader.guarded_resolver import GuardedResolver
from understage.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
    NotModifiedError,
    ServiceUnavailableError,
    UnderstageError,
    UnsupportedOperationError,
)


def allow(*rules: Any) -> dict[str, Any]:
    entries = [{"host": rule} if isinstance(rule, str) else rule for rule in rules]
    return {"backend": {"reading": {"allow": entries}}}


def redirect(to: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": to})


class FakeResolver(AbstractResolver):
    """Resolves names by a table; each further look-up of a name tells the next address."""

    def __init__(self, **names: list[str]) -> None:
        self.names = {name.replace("_", "."): addresses for name, addresses in names.items()}

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
        addresses = self.names[host]
        found = addresses.pop(0) if len(addresses) > 1 else addresses[0]
        return [
            {"hostname": host, "host": one, "port": port, "family": 2, "proto": 0, "flags": 0}
            for one in found.split(",")
        ]

    async def close(self) -> None:
        pass


async def test_files_are_read(host: Any, make_reader: Any) -> None:
    """S60: a file is read with its etag and the time of its last change; what is known is told to the host."""
    host.answers["/x.yaml"] = web.Response(
        body=b'\xef\xbb\xbf{"a": 1}', headers={"ETag": '"1"', "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"}
    )
    moment = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    reader = make_reader(allow(host.netloc))
    response = await reader.read_url(f"{host.url}/x.yaml", etag='"0"', last_modified_after=moment, token="t")
    assert (response.text(), response.etag, response.last_modified_at) == ('{"a": 1}', '"1"', moment)
    sent = host.requests[0].headers
    assert (sent["If-None-Match"], sent["Authorization"]) == ('"0"', "Bearer t")
    assert sent["If-Modified-Since"] == "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize(
    ("status", "error", "text"),
    [
        (304, NotModifiedError, "has not changed"),
        (404, NotFoundError, "404 Not Found"),
        (500, UnderstageError, "500 Internal Server Error"),
        (401, UnderstageError, "401 Unauthorized"),
    ],
)
async def test_statuses_become_errors(host: Any, make_reader: Any, status: int, error: type, text: str) -> None:
    """S60: 304 is NotModifiedError, 404 is NotFoundError, other statuses are plain errors that tell the status."""
    host.answers["/x"] = web.Response(status=status)
    with pytest.raises(UnderstageError, match=text) as caught:
        await make_reader(allow(host.netloc)).read_url(f"{host.url}/x?secret=1", etag="e")
    assert type(caught.value) is error
    assert "secret" not in str(caught.value)


async def test_what_nobody_allows_is_refused(host: Any, make_reader: Any) -> None:
    """S61: an address that no reader accepts is refused, and the error tells how to configure it."""
    with pytest.raises(NotAllowedError, match=r"may need to configure an integration .* 'backend\.reading\.allow'"):
        await make_reader().read_url(f"{host.url}/x")
    assert host.requests == []


async def test_integrations_come_first(host: Any, make_reader: Any) -> None:
    """S61: the first reader that accepts an address reads it: integrations come before plain fetching."""
    host.answers["/api/v3/repos/o/r/contents/x.yaml?ref=main"] = b"by the integration"
    host.answers["/o/r/blob/main/x.yaml"] = b"plain"
    github = [{"host": host.netloc, "apiBaseUrl": f"{host.url}/api/v3"}]
    url = f"{host.url}/o/r/blob/main/x.yaml"
    reader = make_reader({**allow(host.netloc), "integrations": {"github": github}})
    assert (await reader.read_url(url)).content == b"by the integration"
    assert (await make_reader(allow(host.netloc)).read_url(url)).content == b"plain"


async def test_paths_are_normalised_before_they_are_allowed_and_asked_for(host: Any, make_reader: Any) -> None:
    """S62: paths are compared after normalisation, and it is the normalised path that is asked for."""
    host.answers["/public/x"] = b"x"
    reader = make_reader(allow({"host": host.netloc, "paths": ["/public/"]}))
    assert (await reader.read_url(f"{host.url}/private/../public/./x")).content == b"x"
    assert host.asked == ["/public/x"]
    for path in ("/private", "/public/../private", "/public/%2e%2e/private", "/public/%252e%252e/x", "/public/..%2fx"):
        with pytest.raises(NotAllowedError):
            await reader.read_url(host.url + path)
    assert len(host.requests) == 1


async def test_redirects_are_followed_where_they_are_allowed(host: Any, other_host: Any, make_reader: Any) -> None:
    """S63: a redirect to an allowed address is followed, relative ones too; tokens stay with the first host."""
    host.answers["/a"] = redirect("b?c=1")
    host.answers["/b?c=1"] = redirect(f"{other_host.url}/d", 308)
    other_host.answers["/d"] = b"d"
    reader = make_reader(allow(host.netloc, other_host.netloc))
    assert (await reader.read_url(f"{host.url}/a", token="t")).content == b"d"
    assert [request.headers.get("Authorization") for request in host.requests] == ["Bearer t", "Bearer t"]
    assert "Authorization" not in other_host.requests[0].headers


async def test_each_hop_is_checked(host: Any, other_host: Any, make_reader: Any) -> None:
    """S63: a redirect to an address that is not allowed is refused, at whatever hop, and never asked for."""
    host.answers["/a"] = redirect("/b")
    host.answers["/b"] = redirect(f"{other_host.url}/secret")
    other_host.answers["/secret"] = b"secret"
    with pytest.raises(NotAllowedError, match=r"/secret' is not allowed"):
        await make_reader(allow(host.netloc)).read_url(f"{host.url}/a")
    assert other_host.requests == []


@pytest.mark.parametrize(
    "target",
    [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1]/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://user@127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//[::]/",
    ],
)
async def test_redirects_to_internal_addresses_are_refused(host: Any, make_reader: Any, target: str) -> None:
    """S63: no spelling of an internal address gets through as the target of a redirect."""
    host.answers["/a"] = lambda _: web.Response(status=302, headers={"Location": target})
    with pytest.raises((NotAllowedError, InputError)):
        await make_reader(allow(host.netloc)).read_url(f"{host.url}/a")


async def test_redirects_end(host: Any, make_reader: Any) -> None:
    """S63: a circle of redirects is an error after a few hops."""
    host.answers["/a"] = redirect("/a")
    with pytest.raises(UnderstageError, match="redirects more than 5 times"):
        await make_reader(allow(host.netloc)).read_url(f"{host.url}/a")
    assert len(host.requests) == 6


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:192.168.0.1", "0.0.0.0"]
)
async def test_names_under_a_wildcard_lead_nowhere_internal(make_reader: Any, address: str) -> None:
    """A name that a rule with `*.` allows is refused when it resolves to an internal address."""
    reader = make_reader(allow("*.example.com"), resolver=lambda: FakeResolver(evil_example_com=[address]))
    with pytest.raises(NotAllowedError, match=r"'evil\.example\.com' is not allowed: it leads to a"):
        await reader.read_url("http://evil.example.com/")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "fe80::1"])
async def test_listed_names_do_not_lead_to_this_machine(make_reader: Any, address: str) -> None:
    """A name that is listed in full may be in a private network, but is refused as a name of this machine."""
    reader = make_reader(allow("named.example.com"), resolver=lambda: FakeResolver(named_example_com=[address]))
    with pytest.raises(NotAllowedError, match=r"leads to a (loopback|special) network address"):
        await reader.read_url("http://named.example.com/")


async def test_one_internal_address_among_others_is_enough(make_reader: Any) -> None:
    """A name with a public and an internal address is refused."""
    resolver = FakeResolver(mixed_example_com=["93.184.216.34,127.0.0.1"])
    with pytest.raises(NotAllowedError):
        await make_reader(allow("*.example.com"), resolver=lambda: resolver).read_url("http://mixed.example.com/")


async def test_listed_names_may_be_in_a_private_network() -> None:
    """A name that is listed in full resolves to a private address."""
    resolver = GuardedResolver(frozenset({Reach.PUBLIC, Reach.PRIVATE}), FakeResolver(wiki_corp=["10.1.2.3"]))
    assert [found["host"] for found in await resolver.resolve("wiki.corp", 80)] == ["10.1.2.3"]


async def test_names_are_resolved_once(host: Any, make_reader: Any) -> None:
    """The connection goes to the address that was checked: a second look-up cannot swap it."""
    port = int(host.netloc.rpartition(":")[2])
    host.answers["/x"] = b"x"
    looked_up = FakeResolver(localhost=["127.0.0.1", "169.254.169.254"])
    reader = make_reader(allow(f"localhost:{port}"), resolver=lambda: looked_up)
    assert (await reader.read_url(f"http://localhost:{port}/x")).content == b"x"
    assert (await reader.read_url(f"http://localhost:{port}/x")).content == b"x"
    assert looked_up.names["localhost"] == ["169.254.169.254"]


async def test_large_files_are_refused(host: Any, make_reader: Any) -> None:
    """A file beyond the limit is refused, whether its length is announced or not."""
    host.answers["/announced"] = b"x" * 2000

    async def unannounced(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for _ in range(20):
            await response.write(b"x" * 100)
        return response

    host.answers["/chunked"] = unannounced
    reader = make_reader(allow(host.netloc))
    for path in ("/announced", "/chunked"):
        assert len((await reader.read_url(host.url + path, max_bytes=2000)).content) == 2000
        with pytest.raises(InputError, match="is larger than 1999 bytes"):
            await reader.read_url(host.url + path, max_bytes=1999)


async def test_trees_are_not_read_over_plain_http(host: Any, make_reader: Any) -> None:
    """S64: plain fetching reads no folders and no patterns, and says what to configure."""
    reader = make_reader(allow(host.netloc))
    with pytest.raises(UnsupportedOperationError, match="configure an integration"):
        await reader.read_tree(f"{host.url}/x/")
    with pytest.raises(UnsupportedOperationError, match="patterns are not understood"):
        await reader.search(f"{host.url}/*.yaml")


async def test_searches_return_one_file(host: Any, make_reader: Any) -> None:
    """S64: a search over plain HTTP returns the one file, or none on 404; other errors are raised."""
    host.answers["/x"] = web.Response(body=b"x", headers={"ETag": '"1"'})
    host.answers["/broken"] = web.Response(status=500)
    reader = make_reader(allow(host.netloc))
    found = await reader.search(f"{host.url}/x")
    assert ([file.url for file in found.files], found.etag) == ([f"{host.url}/x"], '"1"')
    assert await found.files[0].content() == b"x"
    assert (await reader.search(f"{host.url}/none")).files == []
    with pytest.raises(UnderstageError, match="500"):
        await reader.search(f"{host.url}/broken")
    host.answers["/x"] = web.Response(status=304)
    with pytest.raises(NotModifiedError):
        await reader.search(f"{host.url}/x", etag='"1"')


async def test_hosts_that_cannot_be_reached_are_unavailable(host: Any, make_reader: Any) -> None:
    """A refused connection and a name without address are ServiceUnavailableErrors that name the address."""
    reader = make_reader(allow("127.0.0.1:1", "nobody.invalid"))
    for url in ("http://127.0.0.1:1/x", "http://nobody.invalid/x"):
        with pytest.raises(ServiceUnavailableError, match=f"{url} could not be read"):
            await reader.read_url(url)


async def test_closed_transports_make_no_requests(host: Any, transport: Any, make_reader: Any) -> None:
    """After the backend has stopped nothing is read any more."""
    from understage.defaults.url_reader.allow_rules import ANYWHERE
    from understage.defaults.url_reader.transport import ReadRequest

    host.answers["/x"] = b"x"
    request = ReadRequest(f"{host.url}/x", lambda _: ANYWHERE)
    assert (await transport.fetch(request)).content == b"x"
    await transport.close()
    with pytest.raises(ServiceUnavailableError, match="shutting down"):
        await transport.fetch(request)


async def test_rate_limits_are_shared(host: Any, make_reader: Any) -> None:
    """A host that answers 429 is left alone by everybody until the time that it asked for; the error tells how long."""
    host.answers["/x"] = web.Response(status=429, headers={"Retry-After": "30"})
    host.answers["/y"] = b"y"
    reader = make_reader(allow(host.netloc))
    with pytest.raises(ServiceUnavailableError) as caught:
        await reader.read_url(f"{host.url}/x")
    assert caught.value.retry_after == 30
    with pytest.raises(ServiceUnavailableError, match="wants no requests for the next") as caught:
        await reader.read_url(f"{host.url}/y")
    assert 29 < (caught.value.retry_after or 0) <= 30
    assert len(host.requests) == 1


async def test_proxies_of_the_environment_are_used(
    host: Any, make_reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With HTTP_PROXY requests go through the proxy, unless NO_PROXY names the host; the allow list still counts."""
    monkeypatch.setenv("HTTP_PROXY", host.url)
    host.answers["http://elsewhere.example/x"] = b"by the proxy"
    host.answers["/x"] = b"straight"
    reader = make_reader(allow("elsewhere.example", host.netloc))
    assert (await reader.read_url("http://elsewhere.example/x")).content == b"by the proxy"
    with pytest.raises(NotAllowedError):
        await reader.read_url("http://forbidden.example/x")
    monkeypatch.setenv("NO_PROXY", host.netloc)
    assert (await reader.read_url(f"{host.url}/x")).content == b"straight"

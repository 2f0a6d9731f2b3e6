import threading
from collections.abc import Awaitable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import until

from understage.config import ConfigSourceError, LoadedConfig, LoadOptions, RemoteConfig, load_config
from understage.config.remote import fetch, shown_url


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.headers_seen: list[dict[str, str]] = []

    def url(self, path: str = "/c.yaml") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.headers_seen.append(dict(self.headers))
        status, body, headers = self.server.pages.get(self.path.partition("?")[0], (404, b"", {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Keeps test output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def load(
    server: Server, path: str = "/c.yaml", env: Any = None, interval: float = 60.0, **pages: str
) -> Awaitable[LoadedConfig]:
    server.pages.update({f"/{name}.yaml": (200, body.encode(), {}) for name, body in pages.items()})
    remote = RemoteConfig(reload_interval_seconds=interval, timeout_seconds=2)
    return load_config(LoadOptions(targets=[server.url(path)], env=env or {}, remote=remote))


async def test_a_url_is_a_source(server: Server) -> None:
    """C1, C4: with remote loading enabled, --config takes a URL; variables are substituted in what it holds."""
    loaded = await load(server, env={"Q": "q"}, c="a: ${Q}\nb: {$env: Q}\nc: 1\n")
    assert loaded.config.get() == {"a": "q", "b": "q", "c": 1}
    assert str(loaded.config.location_of("c")) == f"{server.url()}:3:4"
    assert [source.kind for source in loaded.sources] == ["remote", "env"]


@pytest.mark.parametrize("directive", ["$file", "$include"])
async def test_remote_configuration_reads_no_files(server: Server, directive: str) -> None:
    """C20: a remote document must not reach into the file system.

    deviation: Backstage leaves such keys as they are.
    """
    with pytest.raises(ConfigSourceError, match=rf"a: \{directive} works in files only, not in remote configuration"):
        await load(server, c=f"a: {{{directive}: /etc/hostname}}")


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ((404, b"", {}), "cannot be fetched: 404 Not Found"),
        ((500, b"", {}), "cannot be fetched: 500 Internal Server Error"),
        ((200, b"", {}), "the remote configuration is empty"),
        ((200, b"a: [", {}), r":1:5: not valid YAML|:2:1: not valid YAML"),
        ((200, b"\xff\xfe\xff", {}), "is not UTF-8 text"),
        ((302, b"", {"Location": "file:///etc/hostname"}), "cannot be fetched"),
        ((302, b"", {"Location": "ftp://127.0.0.1/x"}), "cannot be fetched"),
    ],
)
async def test_a_bad_fetch_at_start_is_an_error_with_the_url(server: Server, page: Any, reason: str) -> None:
    """C4, C6: what cannot be fetched or parsed fails the load, naming the URL."""
    server.pages["/c.yaml"] = page
    with pytest.raises(ConfigSourceError, match=reason) as caught:
        await load(server)
    assert str(caught.value).startswith(server.url())


async def test_a_server_that_does_not_answer_is_an_error() -> None:
    """C4: a refused connection fails the load, naming the URL without what may be secret in it."""
    remote = RemoteConfig(timeout_seconds=1)
    options = LoadOptions(targets=["http://user:pw@127.0.0.1:1/c.yaml?token=s3"], env={}, remote=remote)
    with pytest.raises(ConfigSourceError, match=r"cannot be fetched: .*refused") as caught:
        await load_config(options)
    assert str(caught.value).startswith("http://127.0.0.1:1/c.yaml: ")
    assert "s3" not in str(caught.value)


def test_redirects_are_followed_and_credentials_sent(server: Server) -> None:
    """C4: a redirect to http is followed, and a user and password in the URL become basic authentication."""
    server.pages = {"/c.yaml": (302, b"", {"Location": "/d.yaml"}), "/d.yaml": (200, b"a: 1", {})}
    assert fetch(server.url().replace("//", "//us%40er:p%3Aw@"), 2) == "a: 1"
    assert server.headers_seen[0]["Authorization"] == "Basic dXNAZXI6cDp3"
    assert shown_url("https://u:p@h:1/p?q=1#f") == "https://h:1/p"


async def test_urls_are_polled(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """C40, C42: a URL is fetched again at its interval; a bad fetch is logged and keeps the old value."""
    loaded = await load(server, interval=0.05, c="a: 1")
    async with loaded.watch():
        server.pages["/c.yaml"] = (200, b"a: 2", {})
        await until(lambda: loaded.config.get("a") == 2)
        server.pages["/c.yaml"] = (503, b"", {})
        await until(lambda: "503" in caplog.text)
        assert loaded.config.get("a") == 2
        server.pages["/c.yaml"] = (200, b"a: 3", {})
        await until(lambda: loaded.config.get("a") == 3)


async def test_a_change_of_a_file_does_not_fetch_urls(server: Server, tmp_path: Path) -> None:
    """C40: each source is read again only when it may have changed."""
    (tmp_path / "x.yaml").write_text("b: 1\n")
    server.pages["/c.yaml"] = (200, b"a: 1", {})
    targets = [str(tmp_path / "x.yaml"), server.url()]
    loaded = await load_config(LoadOptions(targets=targets, env={}, remote=RemoteConfig()))
    (tmp_path / "x.yaml").write_text("b: 2\n")
    assert await loaded.reload()
    assert loaded.config.get() == {"b": 2, "a": 1}
    assert len(server.headers_seen) == 1


def test_the_default_interval_is_a_minute() -> None:
    """C40: remote sources are polled every 60 seconds unless told otherwise."""
    assert RemoteConfig().reload_interval_seconds == 60

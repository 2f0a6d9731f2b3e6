from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web

from understage.config import config_from_data
from understage.defaults.root_http_client import DefaultRootHttpClient
from understage.defaults.url_reader.built_in_readers import BuiltInReaders
from understage.defaults.url_reader.dispatcher import DispatchingUrlReader
from understage.defaults.url_reader.transport import Transport
from understage.testing import mock_services

Handler = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]


class FakeHost:
    """A server on loopback that answers from a table, by the path with its query or the path alone."""

    def __init__(self) -> None:
        self.answers: dict[str, web.Response | Handler | bytes | str | dict[str, Any] | list[Any]] = {}
        self.requests: list[web.BaseRequest] = []
        self.netloc = ""

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"

    @property
    def asked(self) -> list[str]:
        return [request.raw_path for request in self.requests]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        raw = request.raw_path
        answer = self.answers.get(raw, self.answers.get(raw.partition("?")[0]))
        if answer is None:
            return web.Response(status=404, text=f"no answer for {raw}")
        if isinstance(answer, (bytes, str)):
            return web.Response(body=answer if isinstance(answer, bytes) else answer.encode())
        if isinstance(answer, (dict, list)):
            return web.json_response(answer)
        if isinstance(answer, web.Response):
            return web.Response(body=answer.body, status=answer.status, headers=answer.headers)
        made = answer(request)  # type: ignore[arg-type]
        return made if isinstance(made, web.StreamResponse) else await made


async def serve(fake: FakeHost, host: str = "127.0.0.1") -> web.ServerRunner:
    runner = web.ServerRunner(web.Server(fake.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    port = runner.addresses[0][1]
    fake.netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return runner


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in os.environ:
        if name.startswith(("AWS_", "IDENTITY_")):
            monkeypatch.delenv(name)


@pytest.fixture
async def host() -> AsyncIterator[FakeHost]:
    fake = FakeHost()
    runner = await serve(fake)
    yield fake
    await runner.cleanup()


@pytest.fixture
async def other_host() -> AsyncIterator[FakeHost]:
    fake = FakeHost()
    runner = await serve(fake)
    yield fake
    await runner.cleanup()


ReaderMaker = Callable[..., DispatchingUrlReader]


@pytest.fixture
async def make_reader() -> AsyncIterator[ReaderMaker]:
    transports: list[Transport] = []
    http_client = DefaultRootHttpClient()

    def make(data: Mapping[str, Any] | None = None, **options: Any) -> DispatchingUrlReader:
        transport = Transport(**options)
        transports.append(transport)
        config = config_from_data(data or {})
        return DispatchingUrlReader(BuiltInReaders(config, mock_services.logger(), http_client, transport).find)

    yield make
    for transport in transports:
        await transport.close()
    await http_client.close()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.close()


def tar_gz(files: Mapping[str, bytes], root: str = "repo-abc/") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(root + name)
            member.size = len(data)
            member.mtime = 1_700_000_000
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes], root: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(root + name, data)
    return buffer.getvalue()


@pytest.fixture(name="tar_gz")
def tar_gz_fixture() -> Callable[..., bytes]:
    return tar_gz


@pytest.fixture(name="zipped")
def zipped_fixture() -> Callable[..., bytes]:
    return zipped

"""The service within a backend."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from understage.config import ConfigError
from understage.defaults.url_reader import url_reader_providers, url_reader_service_factory
from understage.errors import NotAllowedError
from understage.plugin_api import (
    PluginRegistrationPoints,
    ServiceFactory,
    UrlReader,
    UrlReaderService,
    create_backend_plugin,
)
from understage.testing import MockUrlReader, ServiceFactoryTester, mock_services, start_test_backend

Create = Callable[..., ServiceFactoryTester[UrlReaderService]]


def allow(*hosts: str) -> dict[str, Any]:
    return {"backend": {"baseUrl": "http://localhost", "reading": {"allow": [{"host": host} for host in hosts]}}}


@pytest.fixture
async def create() -> AsyncIterator[Create]:
    lifecycle = mock_services.root_lifecycle()

    def make(*dependencies: ServiceFactory[Any]) -> ServiceFactoryTester[UrlReaderService]:
        own = ServiceFactory(mock_services.root_lifecycle.ref, lambda: lifecycle, deps={})
        return ServiceFactoryTester.from_factory(url_reader_service_factory, dependencies=[own, *dependencies])

    yield make
    await lifecycle.shutdown()


async def test_plugins_read(host: Any) -> None:
    """S60: a plugin asks for the service by its alias and reads."""
    host.answers["/x"] = b"x"
    seen: list[bytes] = []

    @create_backend_plugin(plugin_id="demo")
    def demo(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(url_reader: UrlReader) -> None:
            seen.append((await url_reader.read_url(f"{host.url}/x")).content)

    config = mock_services.root_config.factory(allow(host.netloc))
    async with start_test_backend(features=[demo, url_reader_service_factory, config]):
        assert seen == [b"x"]


async def test_wrong_configuration_is_told(create: Create) -> None:
    """S62: a rule that cannot be read fails those who ask for the service, and names the key."""
    with pytest.raises(Exception, match=r"backend\.reading\.allow\[0\]\.host") as caught:
        await create(mock_services.root_config.factory(allow("http://x"))).get_subject("demo")
    assert ConfigError.name in str(caught.value) or isinstance(caught.value, ConfigError)


async def test_changes_of_the_configuration_apply_at_once(host: Any, create: Create) -> None:
    """S62: a changed allow list counts for the next call; one that cannot be read changes nothing."""
    host.answers["/x"] = b"x"
    config = mock_services.root_config(allow())
    factory = ServiceFactory(mock_services.root_config.ref, lambda: config, deps={})
    reader = await create(factory).get_subject("demo")
    with pytest.raises(NotAllowedError):
        await reader.read_url(f"{host.url}/x")
    config.update(allow(host.netloc))
    assert (await reader.read_url(f"{host.url}/x")).content == b"x"
    config.update(allow("http://wrong"))
    assert (await reader.read_url(f"{host.url}/x")).content == b"x"
    config.update(allow())
    with pytest.raises(NotAllowedError):
        await reader.read_url(f"{host.url}/x")


class Wiki:
    """Reads the wiki of the company."""

    def __init__(self) -> None:
        self.reader = MockUrlReader({"https://wiki.corp/x": "from the provider"})
        self.asked: list[str] = []

    def accepts(self, url: str) -> bool:
        self.asked.append(url)
        return url.startswith("https://wiki.corp/")


async def test_readers_can_be_added(create: Create) -> None:
    """S61: readers that others add are asked first, with the one spelling of the address."""
    wiki = Wiki()
    added = ServiceFactory(url_reader_providers, lambda: wiki, deps={})
    config = mock_services.root_config.factory(allow())
    reader = await create(config, added).get_subject("demo")
    assert (await reader.read_url("https://wiki.corp/x")).text() == "from the provider"
    with pytest.raises(NotAllowedError):
        await reader.read_url("HTTPS://Wiki.Example:443/a/../b")
    assert wiki.asked == ["https://wiki.corp/x", "https://wiki.example/b"]


async def test_rate_limits_are_shared_by_plugins(host: Any, create: Create) -> None:
    """What one plugin learns about a host's rate limit, all others know."""
    host.answers["/x"] = web.Response(status=429, headers={"Retry-After": "60"})
    made = create(mock_services.root_config.factory(allow(host.netloc)))
    for plugin in ("one", "two"):
        with pytest.raises(Exception, match="wants no requests for the next 60 seconds"):
            await (await made.get_subject(plugin)).read_url(f"{host.url}/x")
    assert len(host.requests) == 1


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    """Importing the service's factory imports neither aiohttp nor the readers."""
    code = (
        "import sys, understage.defaults.url_reader as _;"
        "sys.exit(any(name in sys.modules for name in"
        " ('aiohttp', 'understage.integration', 'understage.defaults.url_reader.built_in_readers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

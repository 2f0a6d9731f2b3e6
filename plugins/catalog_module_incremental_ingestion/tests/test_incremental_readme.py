"""The provider that the README shows."""

import asyncio
import sys
import types
from pathlib import Path
from typing import Any

import httpx2
import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog_module_incremental_ingestion import feature
from understage.testing import start_test_backend

README = Path(__file__).parents[1] / "README.md"
PAGES = {
    "1": {"services": [{"name": "web", "owner": "team-a"}, {"name": "shop", "owner": "team-b"}], "isLast": False},
    "2": {"services": [{"name": "pay", "owner": "team-a"}], "isLast": True},
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The README's example as a module, whose register has two pages."""
    (code,) = (block.partition("```")[0] for block in README.read_text().split("```python\n")[1:])
    module = types.ModuleType("readme_example")
    monkeypatch.setitem(sys.modules, "readme_example", module)
    exec(compile(code, str(README), "exec"), vars(module))

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert str(request.url).startswith("https://register.example.org/services?page=")
        return httpx2.Response(200, json=PAGES[request.url.params["page"]])

    client = httpx2.AsyncClient
    fake = types.SimpleNamespace(
        AsyncClient=lambda **options: client(transport=httpx2.MockTransport(answer), **options)
    )
    vars(module)["httpx2"] = fake
    return module


async def test_the_shown_provider_brings_its_pages(shown: Any) -> None:
    """K550: a module with a provider of its own brings a register of services, page by page."""
    features = [catalog_feature, feature, shown.catalog_module_service_register]
    async with start_test_backend(features=features) as backend, asyncio.timeout(20):
        entities: list[Any] = []
        while len(entities) < 3:
            await asyncio.sleep(0.05)
            entities = (await backend.client.get("/api/catalog/entities")).json()
        assert sorted(one["metadata"]["name"] for one in entities) == ["pay", "shop", "web"]
        standing = await backend.client.get("/api/catalog/incremental/providers/service-register")
        assert standing.json()["last_error"] is None

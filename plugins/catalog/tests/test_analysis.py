"""Suggestions for places that are not in the catalog."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog.analysis import suggested_component
from understage.catalog.extensions import AnalysisExtensions
from understage.catalog_api import (
    AnalyzerParts,
    CatalogAnalysis,
    ExistingEntityFile,
    LocationAnalysis,
    LocationAnalyzer,
    LocationRef,
    Place,
    SuggestedEntity,
    SuggestedField,
)
from understage.config import config_from_data
from understage.errors import ConflictError, InputError
from understage.integration import ScmIntegrations
from understage.plugin_api import Credentials, ModuleRegistrationPoints, create_backend_module
from understage.testing import mock_services, start_test_backend

URL = "/api/catalog/analyze-location"
INTEGRATIONS = ScmIntegrations.from_config(config_from_data({}))


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with start_test_backend(features=[catalog_feature, mock_services.root_config.factory(data={})]) as backend:
        yield backend.client


async def test_a_component_is_suggested(client: httpx2.AsyncClient) -> None:
    """K230, K232: the answer is the recorded one: no fields and no owner."""
    location = {"type": "url", "target": "http://127.0.0.1:7999/files/reg.yaml"}
    response = await client.post(URL, json={"location": location})
    assert response.status_code == 200
    component = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "reg.yaml"},
        "spec": {"type": "other", "lifecycle": "unknown"},
    }
    assert response.json() == {"existingEntityFiles": [], "generateEntities": [{"entity": component, "fields": []}]}
    assert "etag" in response.headers


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "request/body must have required property 'location'"),
        ({"location": {"type": "foo"}}, "request/body/location must have required property 'target'"),
        ({"location": {"type": "url", "target": "no address"}}, "The given location.target is not a URL"),
        ({"location": {"type": "url", "target": "http://[x"}}, "The given location.target is not a URL"),
    ],
)
async def test_what_is_no_location_is_refused(client: httpx2.AsyncClient, body: dict[str, Any], message: str) -> None:
    """K5, K233: malformed requests are told as recorded."""
    response = await client.post(URL, json=body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, message)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("https://host/group/repository", "repository"),
        ("https://host/group/repository.git/", "repository"),
        ("https://host", "host"),
        ("https://host/a%20b?x=1", "a b"),
    ],
)
def test_the_name_is_the_last_part_of_the_address(target: str, name: str) -> None:
    """K232: the suggested component is named after the repository or file."""
    assert suggested_component(target, INTEGRATIONS)["metadata"]["name"] == name


def test_a_path_is_no_address() -> None:
    """K233: a target without a host cannot be analysed."""
    with pytest.raises(InputError):
        suggested_component("file.yaml", INTEGRATIONS)


@pytest.mark.parametrize(
    ("target", "name", "slug"),
    [
        ("https://github.com/acme/shop", "shop", {"github.com/project-slug": "acme/shop"}),
        ("https://github.com/acme/shop/blob/main/a/info.yaml", "shop", {"github.com/project-slug": "acme/shop"}),
        ("https://gitlab.com/g/sub/proj/-/blob/main/x.yaml", "proj", {"gitlab.com/project-slug": "g/sub/proj"}),
        ("https://dev.azure.com/org/proj/_git/repo", "repo", {"dev.azure.com/project-slug": "proj/repo"}),
        ("https://bitbucket.org/ws/repo/src/main/a.yaml", "repo", {"bitbucket.org/project-slug": "ws/repo"}),
        ("https://example.com/a/b/c.yaml", "c.yaml", None),
        ("https://github.com/acme", "acme", None),
    ],
)
def test_a_repository_is_named_in_an_annotation(target: str, name: str, slug: dict[str, str] | None) -> None:
    """K232: the Component of a repository has its name, and the annotation by which its host is asked.

    deviation: Bitbucket Cloud is annotated too, and an address that is in no repository is not.
    """
    assert suggested_component(target, INTEGRATIONS)["metadata"].get("annotations") == slug
    assert suggested_component(target, INTEGRATIONS)["metadata"]["name"] == name


class Shelves:
    """Finds one file in repositories of one host, unless another file name is asked for."""

    def supports(self, url: str) -> bool:
        return url.startswith("https://shelves.example.com/")

    async def analyze(self, url: str, *, catalog_filename: str | None) -> list[ExistingEntityFile]:
        if catalog_filename == "none.yaml":
            return []
        location = Place("url", f"{url}/{catalog_filename or 'catalog-info.yaml'}")
        entity = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "there"}}
        return [ExistingEntityFile(entity, True, location)]


class Canned:
    """Knows one answer."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def analyze_location(
        self, location: LocationRef, *, catalog_filename: str | None, credentials: Credentials[Any]
    ) -> LocationAnalysis:
        entity = {"kind": f"{self._count} analyzers"}
        field = SuggestedField("x", "y", "needsUserInput")
        return LocationAnalysis([], [SuggestedEntity(entity, [field])])


async def test_existing_files_are_found_by_analyzers_of_modules() -> None:
    """K231, K230, K542: what an SCM analyzer finds is the answer; if it finds nothing, a Component is suggested."""

    @create_backend_module(plugin_id="catalog", module_id="shelves")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(analysis: CatalogAnalysis) -> None:
            analysis.add_scm_location_analyzer(Shelves())

    features = [catalog_feature, module, mock_services.root_config.factory(data={})]
    body = {"location": {"type": "url", "target": "https://shelves.example.com/a"}, "more": 1}
    async with start_test_backend(features=features) as backend:
        found = (await backend.client.post(URL, json=body)).json()
        other = (await backend.client.post(URL, json={**body, "catalogFilename": "none.yaml"})).json()
    assert found["generateEntities"] == []
    (file,) = found["existingEntityFiles"]
    assert file["location"] == {"type": "url", "target": "https://shelves.example.com/a/catalog-info.yaml"}
    assert (file["isRegistered"], file["entity"]["metadata"]["name"]) == (True, "there")
    assert other["existingEntityFiles"] == []
    assert other["generateEntities"][0]["entity"]["metadata"] == {"name": "a"}


async def test_the_analyzer_may_be_replaced_once() -> None:
    """K234, K542: a module may set the whole analyzer once, also one that is built of what others have added."""

    @create_backend_module(plugin_id="catalog", module_id="canned")
    def module(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(analysis: CatalogAnalysis) -> None:
            async def build(parts: AnalyzerParts) -> LocationAnalyzer:
                return Canned(len(parts.scm_location_analyzers))

            analysis.add_scm_location_analyzer(Shelves())
            analysis.set_location_analyzer(build)

    features = [catalog_feature, module, mock_services.root_config.factory(data={})]
    async with start_test_backend(features=features) as backend:
        found = await backend.client.post(URL, json={"location": {"type": "url", "target": "https://x/a"}})
    field = {"field": "x", "description": "y", "state": "needsUserInput", "value": None}
    suggestion = {"entity": {"kind": "1 analyzers"}, "fields": [field]}
    assert found.json() == {"existingEntityFiles": [], "generateEntities": [suggestion]}
    extensions = AnalysisExtensions()
    extensions.set_location_analyzer(Canned(1))
    assert isinstance(await extensions.build(lambda _: Canned(0)), Canned)
    with pytest.raises(ConflictError, match="set twice"):
        extensions.set_location_analyzer(Canned(2))

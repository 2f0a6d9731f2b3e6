"""Suggestions for places that are not in the catalog."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog.http.analysis_routes import suggested_component
from understage.errors import InputError
from understage.testing import mock_services, start_test_backend

URL = "/api/catalog/analyze-location"


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with start_test_backend(features=[catalog_feature, mock_services.root_config.factory(data={})]) as backend:
        yield backend.client


async def test_a_component_is_suggested(client: httpx2.AsyncClient) -> None:
    """K230, K232: the answer is the recorded one: no fields and no owner.

    deviation: existing entity files are not looked for, and project annotations are not suggested.
    """
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
    assert suggested_component(target)["metadata"]["name"] == name


def test_a_path_is_no_address() -> None:
    """K233: a target without a host cannot be analysed."""
    with pytest.raises(InputError):
        suggested_component("file.yaml")

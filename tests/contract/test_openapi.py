"""The catalog's description of itself: valid, complete, and behind the same door as everything else."""

from typing import Any

import httpx2
from openapi_spec_validator import validate

from understage.catalog.http import operations
from understage.catalog.http.operations import Operation
from understage.testing import TestBackend, mock_credentials

DECLARED = [one for one in vars(operations).values() if isinstance(one, Operation) and one.is_documented]


async def document_of(backend: TestBackend) -> Any:
    return (await backend.client.get("/api/catalog/openapi.json")).json()


async def test_the_document_is_valid(backend: TestBackend) -> None:
    """K12: the document is OpenAPI 3.0, with one server and the mount in its paths."""
    document = await document_of(backend)
    validate(document)
    assert document["openapi"] == "3.0.3"
    assert document["servers"] == [{"url": "/"}]
    assert all(path.startswith("/api/catalog/") for path in document["paths"])


async def test_every_operation_is_described_and_served(backend: TestBackend) -> None:
    """K12, K30: the operations that are declared, described and served are the same twenty."""
    described = {
        (method.upper(), path.removeprefix("/api/catalog"), operation["operationId"])
        for path, item in (await document_of(backend))["paths"].items()
        for method, operation in item.items()
    }
    assert described == {(one.method, one.path, one.id) for one in DECLARED}
    assert len(described) == 20
    for operation in DECLARED:
        response = await served(backend.client, operation)
        assert response.status_code != 404 or response.json()["error"]["name"] == "NotFoundError", operation.id


async def served(client: httpx2.AsyncClient, operation: Operation) -> httpx2.Response:
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", "00000000-0000-4000-8000-000000000000")
    return await client.request(operation.method, f"/api/catalog{path}")


async def test_the_document_needs_credentials(backend: TestBackend) -> None:
    """K12, K17: nobody reads the document without credentials."""
    response = await backend.client.get("/api/catalog/openapi.json", headers=mock_credentials.none.header())
    assert response.status_code == 401


async def test_what_validates_requests_is_what_is_described(backend: TestBackend) -> None:
    """K3, K5, K12: limits and allowed values in the document are those that requests are checked by."""
    document = await document_of(backend)
    by_query = document["paths"]["/api/catalog/entities/by-query"]
    limit = next(one for one in by_query["get"]["parameters"] if one["name"] == "limit")["schema"]
    too_much = limit["maximum"] + 1
    refused = await backend.client.get(f"/api/catalog/entities/by-query?limit={too_much}")
    assert refused.json()["error"]["message"] == f"request/query/limit must be <= {limit['maximum']}"
    body = by_query["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["limit"] == limit
    refused = await backend.client.post("/api/catalog/entities/by-query", json={"limit": too_much})
    assert refused.json()["error"]["message"] == f"request/body/limit must be <= {limit['maximum']}"

"""What the catalog reports to the auditor."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from understage.catalog import feature as catalog
from understage.plugin_api import core_services, create_service_factory
from understage.testing import mock_services, start_test_backend

Auditor = Any
BASE = "/api/catalog"
REF = "group:default/a"
GROUP = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Group",
    "metadata": {"name": "a"},
    "spec": {"type": "team", "children": []},
}
LOCATION = {"type": "url", "target": "http://x/a.yaml"}
NOBODY = "00000000-0000-4000-8000-000000000000"
MISSING = "/entities/by-name/group/default/a"


@pytest.fixture
def auditor() -> Auditor:
    return mock_services.auditor()


@pytest.fixture
async def client(auditor: Auditor) -> AsyncIterator[httpx2.AsyncClient]:
    @create_service_factory(service=core_services.auditor)
    def factory() -> Auditor:
        return auditor

    features = [catalog, factory, mock_services.root_config.factory(data={})]
    async with start_test_backend(features=features) as backend:
        yield backend.client


ALL = {"queryType": "all", "query": {"filter": ("kind=group",)}}
NO_PAGE = {"queryType": "by-query", "totalItems": 0, "pageInfo": {}}
SUGGESTED = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "a.yaml"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "event_id", "severity", "meta"),
    [
        ("GET", "/entities?filter=kind=group", None, "succeeded", "entity-fetch", "low", ALL),
        (
            "GET",
            "/entities?limit=0",
            None,
            "failed",
            "entity-fetch",
            "low",
            {"queryType": "all", "query": {"limit": ("0",)}},
        ),
        ("GET", "/entities/by-query", None, "succeeded", "entity-fetch", "low", NO_PAGE),
        ("GET", "/entities/by-query?orderField=a,b", None, "failed", "entity-fetch", "low", {"queryType": "by-query"}),
        ("POST", "/entities/by-query", {}, "succeeded", "entity-fetch", "low", NO_PAGE),
        (
            "POST",
            "/entities/by-query",
            {"query": {"$x": 1}},
            "failed",
            "entity-fetch",
            "low",
            {"queryType": "by-query"},
        ),
        (
            "POST",
            "/entities/by-refs",
            {"entityRefs": [REF], "self": "x"},
            "succeeded",
            "entity-fetch",
            "low",
            {"queryType": "by-refs", "entityRefs": [REF]},
        ),
        ("GET", MISSING, None, "failed", "entity-fetch", "low", {"queryType": "by-name", "entityRef": REF}),
        (
            "GET",
            f"/entities/by-uid/{NOBODY}",
            None,
            "failed",
            "entity-fetch",
            "low",
            {"queryType": "by-uid", "uid": NOBODY},
        ),
        (
            "GET",
            f"{MISSING}/ancestry",
            None,
            "failed",
            "entity-fetch",
            "low",
            {"actionType": "ancestry", "entityRef": REF},
        ),
        (
            "DELETE",
            f"/entities/by-uid/{NOBODY}",
            None,
            "succeeded",
            "entity-mutate",
            "medium",
            {"actionType": "delete", "uid": NOBODY},
        ),
        (
            "POST",
            "/refresh",
            {"entityRef": REF},
            "failed",
            "entity-mutate",
            "medium",
            {"queryType": "refresh", "entityRef": REF},
        ),
        ("GET", "/entity-facets?facet=kind", None, "succeeded", "entity-facets", "low", {}),
        ("POST", "/entity-facets", {"facets": ["kind"]}, "succeeded", "entity-facets", "low", {}),
        ("POST", "/entity-facets", {"facets": []}, "failed", "entity-facets", "low", {}),
        (
            "POST",
            "/validate-entity",
            {"entity": GROUP, "location": "url:http://x/a.yaml"},
            "succeeded",
            "entity-validate",
            "low",
            {},
        ),
        (
            "POST",
            "/validate-entity",
            {"entity": {}, "location": "url:http://x/a.yaml"},
            "failed",
            "entity-validate",
            "low",
            {},
        ),
        (
            "POST",
            "/analyze-location",
            {"location": {**LOCATION, "target": "?"}},
            "failed",
            "location-analyze",
            "low",
            {},
        ),
        ("GET", "/locations", None, "succeeded", "location-fetch", "low", {"queryType": "all"}),
        ("POST", "/locations/by-query", {}, "succeeded", "location-fetch", "low", {"queryType": "by-query"}),
        (
            "POST",
            "/locations/by-query",
            {"query": {"nope": 1}},
            "failed",
            "location-fetch",
            "low",
            {"queryType": "by-query"},
        ),
        ("GET", "/locations/x", None, "failed", "location-fetch", "low", {"queryType": "by-id", "id": "x"}),
        (
            "GET",
            "/locations/by-entity/Group/default/a",
            None,
            "failed",
            "location-fetch",
            "low",
            {"queryType": "by-entity", "locationRef": REF},
        ),
        (
            "POST",
            "/locations?dryRun=true",
            LOCATION,
            "failed",
            "location-mutate",
            "low",
            {"actionType": "create", "location": LOCATION, "isDryRun": True},
        ),
        (
            "POST",
            "/locations",
            {**LOCATION, "type": "file"},
            "failed",
            "location-mutate",
            "medium",
            {"actionType": "create", "location": {**LOCATION, "type": "file"}, "isDryRun": False},
        ),
        (
            "PUT",
            "/locations/x",
            LOCATION,
            "failed",
            "location-mutate",
            "medium",
            {"actionType": "update", "id": "x", "location": LOCATION},
        ),
        ("DELETE", "/locations/x", None, "failed", "location-mutate", "medium", {"actionType": "delete", "id": "x"}),
    ],
)
async def test_each_request_is_reported(
    client: httpx2.AsyncClient,
    auditor: Auditor,
    method: str,
    path: str,
    body: Any,
    status: str,
    event_id: str,
    severity: str,
    meta: dict[str, Any],
) -> None:
    """K290 K291: one event tells what was asked for and by which request, and whether it was done."""
    response = await client.request(method, BASE + path, json=body)
    [event] = auditor.events
    assert (event.event_id, event.severity_level, event.status) == (event_id, severity, status)
    assert event.meta == meta
    assert event.request["method"] == method
    assert (event.error is None) is (status == "succeeded") is (response.status_code < 400)


async def test_what_came_of_it_is_reported(client: httpx2.AsyncClient, auditor: Auditor) -> None:
    """K291: the report of a change or of a single location holds it as it was answered."""
    created = (await client.post(f"{BASE}/locations", json=LOCATION)).json()["location"]
    path = f"{BASE}/locations/{created['id']}"
    await client.get(path)
    changed = (await client.put(path, json={**LOCATION, "target": "http://x/b.yaml"})).json()
    await client.delete(path)
    suggested = (await client.post(f"{BASE}/analyze-location", json={"location": LOCATION})).json()
    told = [(event.status, event.meta.get("location", event.meta.get("output"))) for event in auditor.events]
    assert told == [
        ("succeeded", created),
        ("succeeded", created),
        ("succeeded", changed),
        ("succeeded", None),
        ("succeeded", suggested),
    ]


async def test_requests_that_are_no_question_are_not_reported(client: httpx2.AsyncClient, auditor: Auditor) -> None:
    """K290: what the request validator refuses has not begun."""
    assert (await client.get(f"{BASE}/entities?foo=1")).status_code == 400
    assert (await client.post(f"{BASE}/entities/by-refs", json={})).status_code == 400
    assert (await client.post(f"{BASE}/locations", json={})).status_code == 400
    assert auditor.events == []

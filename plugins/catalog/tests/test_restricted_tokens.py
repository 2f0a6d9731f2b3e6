"""Services whose tokens an operator has restricted."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from understage.catalog import feature as catalog
from understage.defaults.auth import auth_service_factory
from understage.defaults.http_auth import http_auth_service_factory
from understage.defaults.permissions import permissions_service_factory
from understage.testing import mock_services, start_test_backend

BASE = "/api/catalog"
TOKENS: dict[str, dict[str, Any]] = {
    "reader": {"permission": ["catalog.entity.read"]},
    "reading": {"permissionAttribute": {"action": ["read"]}},
    "creating": {"permissionAttribute": {"action": ["create"]}},
    "anything": {},
}
GROUP = {
    "entity": {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "a"},
        "spec": {"type": "team", "children": []},
    },
    "location": "url:http://x/a.yaml",
}
LOCATION = {"type": "url", "target": "http://x/a.yaml"}


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    external = [
        {
            "type": "static",
            "options": {"token": f"token-of-{name}", "subject": name},
            "accessRestrictions": [{"plugin": "catalog", **restriction}],
        }
        for name, restriction in TOKENS.items()
    ]
    config = mock_services.root_config.factory(
        data={"backend": {"baseUrl": "http://localhost", "auth": {"externalAccess": external}}}
    )
    features = [catalog, config, auth_service_factory, http_auth_service_factory, permissions_service_factory]
    async with start_test_backend(features=features) as backend:
        created = await backend.client.post(f"{BASE}/locations", json=LOCATION, headers=of("creating"))
        assert created.status_code == 201
        yield backend.client


def of(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer token-of-{name}"}


@pytest.mark.parametrize(
    ("name", "listed", "locations", "validated", "created", "deleted"),
    [
        ("reader", 1, 0, 403, 403, 403),
        ("reading", 1, 1, 403, 403, 403),
        ("creating", 0, 0, 403, 409, 403),
        ("anything", 1, 1, 200, 409, 204),
    ],
)
async def test_services_are_held_to_their_restrictions(
    client: httpx2.AsyncClient, name: str, listed: int, locations: int, validated: int, created: int, deleted: int
) -> None:
    """K274: a token's restrictions by permission or action count without any policy; lists are empty, changes 403."""

    async def count(path: str) -> int:
        response = await client.get(BASE + path, headers=of(name))
        assert response.status_code == 200
        return len(response.json())

    entities = await count("/entities?filter=kind=location") > 0
    assert (await client.get(f"{BASE}/entity-facets?facet=kind", headers=of(name))).status_code == 200
    assert entities in (False, bool(listed))  # the Location's entity comes a little later
    assert await count("/locations") == locations
    assert (await client.post(f"{BASE}/validate-entity", json=GROUP, headers=of(name))).status_code == validated
    assert (await client.post(f"{BASE}/locations", json=LOCATION, headers=of(name))).status_code == created
    nobody = f"{BASE}/entities/by-uid/00000000-0000-4000-8000-000000000000"
    assert (await client.delete(nobody, headers=of(name))).status_code == deleted

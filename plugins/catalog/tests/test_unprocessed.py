"""Entities that are not served: what failed, what is pending, what was refused, and removing it."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog.http.routing import Routes
from understage.catalog.http.unprocessed_routes import add_unprocessed_routes
from understage.permission_api import DENY
from understage.plugin_api import core_services, create_service_factory
from understage.testing import mock_error_handler, mock_services, start_test_backend

Catalog = Any
Component = Callable[..., str]

BAD = "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: bad}\nspec: {owner: sales}\n"
LIST = "/entities/unprocessed"


@pytest.fixture
async def client(catalog: Catalog, make_component: Component) -> AsyncIterator[httpx2.AsyncClient]:
    catalog.write("a.yaml", make_component("web") + BAD)
    catalog.write("b.yaml", make_component("web", owner="sales") + make_component("other"))
    await catalog.start("a.yaml")
    await catalog.start("a.yaml", "b.yaml")
    routes = Routes()
    add_unprocessed_routes(routes, catalog.gate, catalog.database, catalog.running.upkeep)
    transport = httpx2.ASGITransport(app=mock_error_handler(routes))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def listed(client: httpx2.AsyncClient, kind: str, **parameters: str) -> list[Any]:
    response = await client.get(f"{LIST}/{kind}", params=parameters)
    assert response.status_code == 200, response.text
    assert response.json()["type"] == kind
    return list(response.json()["entities"])


async def test_what_failed_is_listed(catalog: Catalog, client: httpx2.AsyncClient) -> None:
    """K242: an entity that never was valid is listed with its content and errors, by owner if asked.

    deviation: what processors remember of it (`cache`) is left out.
    """
    (row,) = await listed(client, "failed")
    assert row["entity_ref"] == "component:default/bad"
    assert row["unprocessed_entity"]["spec"] == {"owner": "sales"}
    assert row["processed_entity"] is None
    assert row["location_key"] == f"file:{catalog.folder}/a.yaml"
    (error,) = row["errors"]
    assert "must have required property 'type'" in str(error)
    assert row["entity_id"]
    assert row["unprocessed_hash"]
    assert row["result_hash"]
    for time in ("next_update_at", "last_discovery_at"):
        assert row[time].endswith("Z")
        assert datetime.fromisoformat(row[time])
    assert await listed(client, "failed", owner="sales") == [row]
    assert await listed(client, "failed", owner="Sales") == []
    assert await listed(client, "pending") == []


async def test_what_is_pending_is_listed(
    catalog: Catalog, client: httpx2.AsyncClient, make_component: Component, make_provider: Any, make_deferred: Any
) -> None:
    """K242: an entity that has not been processed yet, or not been stitched, is pending."""
    provider = make_provider()
    running = catalog.create("a.yaml", "b.yaml", providers=[provider])
    await running.connect_providers()
    await provider.full(make_deferred("new", owner="somebody"))
    assert [row["entity_ref"] for row in await listed(client, "pending")] == ["component:default/new"]
    while await running.engine.process_due():
        pass
    (row,) = await listed(client, "pending", owner="somebody")
    assert row["processed_entity"]["metadata"]["name"] == "new"
    assert await listed(client, "pending", owner="sales") == []
    await running.engine.settle()
    assert await listed(client, "pending") == []


async def test_what_was_refused_is_listed(catalog: Catalog, client: httpx2.AsyncClient) -> None:
    """K242, K462: who waits for a name is listed, with who has it; Backstage has no such list."""
    (row,) = await listed(client, "conflicts")
    assert row.pop("since").endswith("Z")
    assert row.pop("source_entity_ref").startswith("location:default/generated-")
    assert row.pop("unprocessed_entity")["spec"]["owner"] == "sales"
    web = await catalog.get("component:default/web")
    assert row == {
        "entity_ref": "component:default/web",
        "location_key": f"file:{catalog.folder}/b.yaml",
        "source_key": None,
        "holder": {"entity_id": web["metadata"]["uid"], "location_key": f"file:{catalog.folder}/a.yaml"},
    }
    assert len(await listed(client, "conflicts", owner="sales")) == 1
    assert await listed(client, "conflicts", owner="team") == []


async def test_what_is_not_served_can_be_deleted(catalog: Catalog, client: httpx2.AsyncClient) -> None:
    """K242: a failed entity is removed by its id; one that is not there is no error.

    deviation: it comes back while its source still brings it, and what is served is not deleted this way.
    """
    (row,) = await listed(client, "failed")
    catalog.write("a.yaml", "# nothing")
    for entity_id in (row["entity_id"], row["entity_id"], str(uuid4()), "no-id"):
        response = await client.delete(f"{LIST}/delete/{entity_id}")
        assert (response.status_code, response.content) == (204, b"")
    await catalog.settle()
    assert await listed(client, "failed") == []
    uid = (await catalog.get("component:default/other"))["metadata"]["uid"]
    response = await client.delete(f"{LIST}/delete/{uid.upper()}")
    assert response.status_code == 409
    assert "is served; delete it with DELETE /entities/by-uid/" in response.json()["error"]["message"]


async def test_a_parameter_that_is_unknown_is_refused(client: httpx2.AsyncClient) -> None:
    """K242: the lists know the parameter `owner` alone."""
    assert (await client.get(f"{LIST}/failed?kind=x")).status_code == 400


async def test_permission_is_asked_for() -> None:
    """K242: reading and deleting need permissions of their own."""

    class Policy:
        asked: list[str]

        async def authorize_conditional(self, requests: Any, *, credentials: Any) -> Any:
            return await self.authorize(requests, credentials=credentials)

        async def authorize(self, requests: Any, *, credentials: Any) -> Any:
            policy.asked += [one.permission.name for one in requests]
            return [DENY for _ in requests]

    policy = Policy()
    policy.asked = []

    @create_service_factory(service=core_services.permissions)
    def factory() -> Policy:
        return policy

    features = [catalog_feature, factory, mock_services.root_config.factory(data={})]
    async with start_test_backend(features=features) as backend:
        for kind in ("failed", "pending", "conflicts"):
            assert (await backend.client.get(f"/api/catalog{LIST}/{kind}")).status_code == 403
        assert (await backend.client.delete(f"/api/catalog{LIST}/delete/{uuid4()}")).status_code == 403
        metadata = await backend.client.get("/api/catalog/.well-known/backstage/permissions/metadata")
    assert policy.asked == 3 * ["catalog.entities.unprocessed.read"] + ["catalog.entities.unprocessed.delete"]
    known = {permission["name"] for permission in metadata.json()["permissions"]}
    assert set(policy.asked) <= known

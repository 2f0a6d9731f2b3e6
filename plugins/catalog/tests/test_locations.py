"""Registered locations: over HTTP, in the catalog, and after restarts."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog.database.locations import Location
from understage.catalog.locations import Locations
from understage.catalog.query.location_queries import matches, parse_location_query
from understage.catalog_api import (
    EntityRef,
)
from understage.errors import ConflictError, InputError, NotFoundError
from understage.testing import mock_services, start_test_backend

Catalog = Any
Component = Callable[..., str]


def document(name: str) -> str:
    spec = "spec: {type: service, lifecycle: production, owner: team}"
    return f"---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\n{spec}\n"


NESTED = """---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: nested}
spec: {target: ./one.yaml}
"""
FILES = {
    "http://x/one.yaml": document("one"),
    "http://x/two.yaml": document("two") + document("three"),
    "http://x/twice.yaml": NESTED + document("one"),
    "http://x/bad.yaml": document("bad name!"),
}
WEB = mock_services.url_reader.factory(FILES)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    features = [catalog_feature, WEB, mock_services.root_config.factory(data={})]
    async with start_test_backend(features=features) as backend:
        yield backend.client


async def register(client: httpx2.AsyncClient, target: str, **parameters: str) -> httpx2.Response:
    return await client.post("/api/catalog/locations", json={"type": "url", "target": target}, params=parameters)


def message(response: httpx2.Response) -> str:
    return str(response.json()["error"]["message"])


async def test_a_location_is_registered_listed_and_removed(client: httpx2.AsyncClient) -> None:
    """K190, K191, K202, K207, K210: each operation answers as recorded; type and target make the name."""
    created = await register(client, "http://127.0.0.1:7999/files/reg.yaml")
    assert created.status_code == 201
    location = created.json()["location"]
    assert created.json() == {"location": location, "entities": []}
    assert str(UUID(location["id"])) == location["id"]
    assert {**location, "id": ""} == {
        "id": "",
        "type": "url",
        "target": "http://127.0.0.1:7999/files/reg.yaml",
        "entityRef": "location:default/generated-27828f6bd90713d467d35146f21bef40aad001cf",
    }
    assert (await client.get("/api/catalog/locations")).json() == [{"data": location}]
    address = f"/api/catalog/locations/{location['id']}"
    assert (await client.get(address)).json() == location
    removed = await client.delete(address)
    assert (removed.status_code, removed.content) == (204, b"")
    for again in (await client.delete(address), await client.get(address)):
        assert again.status_code == 404
        assert message(again) == f"Found no location with ID {location['id']}"
    assert (await client.get("/api/catalog/locations")).json() == []


async def test_a_second_registration_is_refused_or_refreshes(client: httpx2.AsyncClient) -> None:
    """K194: the same type and target is a conflict, or with onConflict=refresh the location there is."""
    first = (await register(client, "http://x/one.yaml")).json()["location"]
    again = await register(client, "http://x/one.yaml")
    assert again.status_code == 409
    assert again.json()["error"] == {
        "name": "ConflictError",
        "message": "Location url:http://x/one.yaml already exists",
    }
    refreshed = await register(client, "http://x/one.yaml", onConflict="refresh")
    assert (refreshed.status_code, refreshed.json()["location"]) == (201, first)
    assert (await register(client, "http://x/one.yaml", onConflict="other")).status_code == 400


async def test_the_target_is_not_examined(client: httpx2.AsyncClient) -> None:
    """K197: any target but an empty one is accepted as it is."""
    for target in ("not a url at all", " http://x/blanks "):
        assert (await register(client, target)).json()["location"]["target"] == target
    assert (await register(client, "")).status_code == 400
    assert len((await client.get("/api/catalog/locations")).json()) == 2


@pytest.mark.parametrize("dry", [{}, {"dryRun": "true"}])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"type": "file", "target": "/etc/hosts"}, 'Registered locations must be of an allowed type ["url"]'),
        ({"type": "url"}, "request/body must have required property 'target'"),
        (
            {"type": "url", "target": "http://x/one.yaml", "x": 1},
            "request/body must NOT have additional properties: 'x'",
        ),
    ],
)
async def test_malformed_locations_are_refused(
    client: httpx2.AsyncClient, body: dict[str, Any], text: str, dry: dict[str, str]
) -> None:
    """K192, K193: types that are not allowed and malformed bodies are told, dry run or not.

    deviation: unknown members of a body are named in one sentence.
    """
    response = await client.post("/api/catalog/locations", json=body, params=dry)
    assert (response.status_code, message(response)) == (400, text)


async def test_a_dry_run_shows_what_would_come(client: httpx2.AsyncClient) -> None:
    """K198, K199: a dry run answers with all entities and stores nothing; `no` is no dry run."""
    response = await register(client, "http://x/two.yaml", dryRun="YES")
    body = response.json()
    assert response.status_code == 201
    assert body["exists"] is False
    assert body["location"]["id"] == "url:http://x/two.yaml"
    assert [(one["kind"], one["metadata"]["name"]) for one in body["entities"]][1:] == [
        ("Component", "two"),
        ("Component", "three"),
    ]
    assert body["entities"][0]["kind"] == "Location"
    assert (await client.get("/api/catalog/locations")).json() == []
    await register(client, "http://x/two.yaml", dryRun="no")
    assert (await register(client, "http://x/two.yaml", dryRun="on")).json()["exists"] is True
    assert (await register(client, "http://x/two.yaml", dryRun="maybe")).status_code == 400


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("http://x/bad.yaml", "Policy check failed for component:default/bad name!"),
        ("http://x/none.yaml", "Unable to read url, no matching files found for http://x/none.yaml"),
    ],
)
async def test_a_dry_run_tells_all_that_is_wrong(client: httpx2.AsyncClient, target: str, text: str) -> None:
    """K200: what is wrong with any entity of the location is a 400 with its text."""
    response = await register(client, target, dryRun="true")
    assert response.status_code == 400
    assert text in message(response)


@pytest.fixture
async def locations(catalog: Catalog) -> Locations:
    """Gives the locations of a catalog that reads addresses."""
    catalog.web.files.update(FILES)
    await catalog.start()
    return locations_of(catalog)


def locations_of(catalog: Catalog) -> Locations:
    """Returns the locations of a catalog that was started."""
    running = catalog.running
    return Locations(catalog.database, running.registered, lambda: running.engine.pipeline, is_readonly=False)


async def test_entities_come_and_go_with_their_location(catalog: Catalog, locations: Locations) -> None:
    """K208, K210: a location brings its entities, another target replaces them, and a delete removes them."""
    location = await locations.create("url", "http://x/one.yaml", "reject")
    await catalog.settle()
    assert await catalog.refs() == ["component:default/one"]
    assert await locations.by_entity(EntityRef("Component", "default", "one")) == location
    changed = await locations.update(location.id, "url", "http://x/two.yaml")
    assert (changed.id, changed.entity_ref) == (location.id, location.entity_ref)
    await catalog.settle()
    assert await catalog.refs() == ["component:default/three", "component:default/two"]
    served = await catalog.get(location.entity_ref)
    assert served["spec"] == {"type": "url", "target": "http://x/two.yaml"}
    await locations.delete(location.id)
    await catalog.settle()
    assert await catalog.refs() == []
    assert await catalog.get(location.entity_ref) is None


async def uids(catalog: Catalog) -> dict[str, str]:
    """Returns the ids of the components that are served."""
    return {ref: (await catalog.get(ref))["metadata"]["uid"] for ref in await catalog.refs()}


@pytest.mark.parametrize("strategy", ["delete", "keep"])
async def test_what_moves_with_its_location_is_handed_over(catalog: Catalog, strategy: str) -> None:
    """K208, K462, K449: what is at the new target as well keeps its id and is served all the time, nested or not.

    deviation: Backstage deletes what a changed location has led to, and finds it again under new ids.
    """
    await catalog.start(catalog={"orphanStrategy": strategy})
    locations = locations_of(catalog)
    catalog.web.files["http://x/one.yaml"] = document("one")
    catalog.web.files["http://x/twice.yaml"] = NESTED + document("two")
    catalog.web.files["http://y/twice.yaml"] = NESTED + document("two") + document("three")
    catalog.web.files["http://y/one.yaml"] = document("one")
    location = await locations.create("url", "http://x/twice.yaml", "reject")
    await catalog.settle()
    before = await uids(catalog)
    assert sorted(before) == ["component:default/one", "component:default/two"]
    own = (await catalog.get(location.entity_ref))["metadata"]["uid"]
    await locations.update(location.id, "url", "http://y/twice.yaml")
    assert await uids(catalog) == before
    await catalog.settle()
    after = await uids(catalog)
    assert {ref: uid for ref, uid in after.items() if ref in before} == before
    assert sorted(after) == ["component:default/one", "component:default/three", "component:default/two"]
    assert (await catalog.get(location.entity_ref))["metadata"]["uid"] == own
    annotations = (await catalog.get("component:default/one"))["metadata"]["annotations"]
    assert annotations["backstage.io/managed-by-location"] == "url:http://y/one.yaml"
    assert annotations["backstage.io/managed-by-origin-location"] == "url:http://y/twice.yaml"
    assert "backstage.io/orphan" not in annotations
    assert catalog.logs.problems() == []


async def test_a_target_that_cannot_be_read_takes_nothing_away(catalog: Catalog, locations: Locations) -> None:
    """K208, K432: what a location led to stays until its new target can be read, and the Location says why.

    deviation: Backstage deletes it at once, and then serves no Location that could tell of the error.
    """
    location = await locations.create("url", "http://x/one.yaml", "reject")
    await catalog.settle()
    before = await uids(catalog)
    await locations.update(location.id, "url", "http://x/later.yaml")
    await catalog.settle()
    assert await uids(catalog) == before
    (status,) = (await catalog.get(location.entity_ref))["status"]["items"]
    assert "http://x/later.yaml" in status["message"]
    catalog.web.files["http://x/later.yaml"] = document("two")
    await catalog.start()  # what was read just now is shared for two seconds
    await catalog.later()
    assert await catalog.refs() == ["component:default/two"]
    assert "status" not in await catalog.get(location.entity_ref)


async def test_locations_outlive_a_restart(catalog: Catalog, locations: Locations) -> None:
    """K454: at start all registered locations are brought, also one that a crash has left without entity."""
    await locations.create("url", "http://x/one.yaml", "reject")
    await catalog.database.execute(
        "INSERT INTO locations (id, type, target, location_entity_ref) VALUES ($1, $2, $3, $4)",
        "00000000-0000-0000-0000-000000000000",
        "url",
        "http://x/two.yaml",
        "location:default/generated-two",
    )
    catalog.web.files.update(FILES)
    await catalog.start()
    assert await catalog.refs() == ["component:default/one", "component:default/three", "component:default/two"]


async def test_a_target_belongs_to_one_location(locations: Locations) -> None:
    """K209: a change to another location's target is a conflict; to one's own it is none."""
    one = await locations.create("url", "http://x/one.yaml", "reject")
    two = await locations.create("url", "http://x/two.yaml", "reject")
    with pytest.raises(ConflictError, match=r"Location url:http://x/one\.yaml already exists"):
        await locations.update(two.id, "url", "http://x/one.yaml")
    assert await locations.update(one.id, "url", "http://x/one.yaml") == one
    with pytest.raises(NotFoundError):
        await locations.update("nobody", "url", "http://x/three.yaml")
    with pytest.raises(InputError, match="allowed type"):
        await locations.update(one.id, "file", "/etc/hosts")


async def test_what_came_otherwise_has_no_location(
    catalog: Catalog, locations: Locations, make_component: Component
) -> None:
    """K211: by-entity tells of an unknown entity, and of one whose origin is not registered."""
    with pytest.raises(NotFoundError, match="found no entity for ref component:default/nope"):
        await locations.by_entity(EntityRef("component", "default", "nope"))
    path = catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    with pytest.raises(NotFoundError, match=f"Found no location with type file and target {path}"):
        await locations.by_entity(EntityRef("component", "default", "web"))


async def test_nested_duplicates_are_found(locations: Locations) -> None:
    """K201: a dry run in which two files bring the same name is refused."""
    with pytest.raises(InputError, match="Duplicate nested entity: component:default/one"):
        await locations.try_out("url", "http://x/twice.yaml")


async def test_a_readonly_catalog_changes_no_locations() -> None:
    """K196, K511: with catalog.readonly all changes are 403, but not a dry run."""
    config = mock_services.root_config.factory(data={"catalog": {"readonly": True}})
    async with start_test_backend(features=[catalog_feature, WEB, config]) as backend:
        body = {"type": "url", "target": "http://x/one.yaml"}
        assert (await register(backend.client, "http://x/one.yaml")).status_code == 403
        assert (await backend.client.put("/api/catalog/locations/x", json=body)).status_code == 403
        assert (await backend.client.delete("/api/catalog/locations/x")).status_code == 403
        assert (await register(backend.client, "http://x/one.yaml", dryRun="1")).status_code == 201


async def test_pages_of_locations(client: httpx2.AsyncClient) -> None:
    """K203: by-query sorts by id, counts all, and goes on by a cursor that holds limit and query."""
    for number in range(5):
        await register(client, f"http://x/{number}.yaml")
    url = "/api/catalog/locations/by-query"
    everything = (await client.post(url, json={})).json()
    assert (len(everything["items"]), everything["totalItems"], everything["pageInfo"]) == (5, 5, {})
    body: dict[str, Any] = {"limit": 2, "query": {"type": "URL"}}
    found: list[Any] = []
    for size in (2, 2, 1):
        page = (await client.post(url, json=body)).json()
        assert (len(page["items"]), page["totalItems"]) == (size, 5)
        found += page["items"]
        body = {"cursor": page["pageInfo"].get("nextCursor", ""), "limit": 99}
    assert found == everything["items"] == sorted(found, key=lambda one: one["id"])
    broken = base64.b64encode(json.dumps({"limit": 1}).encode()).decode()
    for refused in ({"cursor": ""}, {"cursor": "%"}, {"cursor": broken}, {"limit": 0}, {"limit": 1.5}):
        assert (await client.post(url, json=refused)).status_code == 400


PLACE = Location("1-a", "url", "http://x/One.yaml", "location:default/generated-1")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, True),
        ({"$all": []}, False),
        ({"$any": []}, False),
        ({"$not": {}}, False),
        ({"ID": "1-A"}, True),
        ({"target": "HTTP://X/one.yaml", "type": "file"}, False),
        ({"entityRef": {"$hasPrefix": "location:"}}, True),
        ({"type": {"$in": ["file", "url"]}}, True),
        ({"type": {"$contains": "url"}}, False),
        ({"$not": {"type": {"$exists": False}}}, True),
        ({"$any": [{"type": "file"}, {"$all": [{"id": "1-a"}, {"type": "url"}]}]}, True),
    ],
)
def test_queries_for_locations(query: dict[str, Any], expected: bool) -> None:
    """K205, K206: values compare without case; empty `$all` and `$any` mean none, and `$contains` never holds.

    deviation: upstream lets `{"$not": {}}` match everything; here it matches nothing, as for entities.
    """
    assert matches(parse_location_query(query), PLACE) is expected


def test_other_members_cannot_be_asked_for() -> None:
    """K205: a query for anything but id, type, target and entityRef is refused."""
    with pytest.raises(InputError, match=r"a location has no 'metadata\.name'"):
        parse_location_query({"$not": {"metadata.name": "x"}})

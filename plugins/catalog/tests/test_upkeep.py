"""What clients may do to entities, and what led to them, over HTTP and on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from understage.catalog import feature as catalog_feature
from understage.catalog.ancestry import find_ancestry
from understage.catalog_api import EntityRef
from understage.errors import NotFoundError
from understage.testing import mock_services, start_test_backend

Catalog = Any
Component = Callable[..., str]

PLACE = "url:http://x/y"


def entity(**changes: object) -> dict[str, Any]:
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "v"},
        "spec": {"type": "service", "lifecycle": "x", "owner": "me"},
        **changes,
    }


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx2.AsyncClient]:
    folder: Path = tmp_path_factory.mktemp("upkeep")
    (folder / "a.yaml").write_text(json.dumps(entity(metadata={"name": "web"})))
    settings = {"catalog": {"locations": [{"type": "file", "target": str(folder / "a.yaml")}]}}
    async with start_test_backend(
        features=[catalog_feature, mock_services.root_config.factory(data=settings)]
    ) as backend:
        async with asyncio.timeout(20):
            found = False
            while not found:
                await asyncio.sleep(0.02)
                response = await backend.client.get("/api/catalog/entities/by-name/component/default/web")
                found = response.status_code == 200
        yield backend.client


async def place_of(catalog: Catalog) -> str:
    ((ref,),) = await catalog.database.fetch("SELECT entity_ref FROM refresh_state WHERE entity_ref LIKE 'location:%'")
    return str(ref)


async def due(catalog: Catalog) -> set[str]:
    rows = await catalog.database.fetch(
        "SELECT entity_ref FROM refresh_state WHERE next_update_at <= $1", datetime.now(UTC)
    )
    return {row[0] for row in rows}


async def test_the_ancestry_leads_to_the_provider(catalog: Catalog, make_component: Component) -> None:
    """K160, K161: the entity comes first, then all that led to it; what a provider brought has no parents."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    location = await place_of(catalog)
    found = await find_ancestry(catalog.database, EntityRef("Component", "default", "Web"))
    assert [(json.loads(one.text)["metadata"]["name"], one.parents) for one in found] == [
        ("web", [location]),
        (location.rpartition("/")[2], []),
    ]
    with pytest.raises(NotFoundError, match="No such entity component:default/nope"):
        await find_ancestry(catalog.database, EntityRef("component", "default", "nope"))


async def test_an_ancestry_in_a_circle_ends(catalog: Catalog, make_component: Component) -> None:
    """K160: entities that lead to each other come once each."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    await catalog.database.execute_many(
        "INSERT INTO refresh_state_references (source_entity_ref, target_entity_ref) VALUES ($1, $2)",
        [("component:default/web", "component:default/db"), ("component:default/db", "component:default/web")],
    )
    found = await find_ancestry(catalog.database, EntityRef("component", "default", "web"))
    names = [json.loads(one.text)["metadata"]["name"] for one in found]
    assert names[0] == "web"
    assert len(names) == len(set(names)) == 3


async def test_a_refresh_makes_the_entity_and_its_locations_due(catalog: Catalog, make_component: Component) -> None:
    """K239: a refresh schedules the entity and every Location above it, and nothing else."""
    catalog.write("a.yaml", make_component("web") + make_component("db"))
    await catalog.start("a.yaml")
    assert await due(catalog) == set()
    await catalog.running.upkeep.refresh("Component:default/WEB")
    assert await due(catalog) == {"component:default/web", await place_of(catalog)}
    catalog.write("a.yaml", make_component("web", owner="new") + make_component("db"))
    await catalog.settle()
    assert await catalog.relations("component:default/web") == [("ownedBy", "group:default/new")]


async def test_what_nothing_leads_to_cannot_be_refreshed(catalog: Catalog, make_component: Component) -> None:
    """K240: a refresh of an unknown or orphaned entity is refused."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml")
    with pytest.raises(NotFoundError, match="Entity component:default/nope not found"):
        await catalog.running.upkeep.refresh("component:default/nope")
    await catalog.database.execute(
        "DELETE FROM refresh_state_references WHERE target_entity_ref = 'component:default/web'"
    )
    with pytest.raises(NotFoundError):
        await catalog.running.upkeep.refresh("component:default/web")


async def test_a_deleted_entity_comes_back_if_its_file_still_has_it(
    catalog: Catalog, make_component: Component
) -> None:
    """K150-K152, K501: the entity goes at once, with its index rows; its Location brings it back under another id."""
    catalog.write("a.yaml", make_component("web", dependsOn=["component:db"]) + make_component("db"))
    await catalog.start("a.yaml")
    before = await catalog.get("component:default/web")
    await catalog.running.upkeep.delete(before["metadata"]["uid"].upper())
    assert await catalog.get("component:default/web") is None
    uid = before["metadata"]["uid"]
    assert await catalog.database.fetch("SELECT 1 FROM search WHERE entity_id = $1", uid) == []
    assert await due(catalog) == {await place_of(catalog)}
    await catalog.running.engine.stitch_due()
    assert await catalog.relations("component:default/db") == [("ownedBy", "group:default/team")]
    await catalog.settle()
    after = await catalog.get("component:default/web")
    assert after["metadata"]["uid"] != uid
    assert ("dependencyOf", "component:default/web") in await catalog.relations("component:default/db")
    await catalog.running.upkeep.delete(uid)
    assert await catalog.refs() == ["component:default/db", "component:default/web"]


@pytest.mark.parametrize(("strategy", "left"), [("delete", []), ("keep", ["component:default/web"])])
async def test_what_only_a_deleted_location_led_to(
    catalog: Catalog, make_component: Component, strategy: str, left: list[str]
) -> None:
    """K151, K154, K440: with a root go the entities that only it led to, or they stay as orphans."""
    catalog.write("a.yaml", make_component("web"))
    await catalog.start("a.yaml", catalog={"orphanStrategy": strategy})
    ((uid,),) = await catalog.database.fetch("SELECT entity_id FROM final_entities WHERE kind = 'location'")
    await catalog.running.upkeep.delete(str(uid))
    await catalog.later()
    assert await catalog.refs() == left
    for ref in left:
        assert (await catalog.get(ref))["metadata"]["annotations"]["backstage.io/orphan"] == "true"


async def test_deleting_over_http_has_no_answer(client: httpx2.AsyncClient) -> None:
    """K150: 204 without a body, also for an id that nobody has."""
    for uid in ("00000000-0000-0000-0000-000000000000", "no-uuid"):
        response = await client.delete(f"/api/catalog/entities/by-uid/{uid}")
        assert (response.status_code, response.content) == (204, b"")


async def test_ancestry_over_http(client: httpx2.AsyncClient) -> None:
    """K19, K161: the answer has an entity tag; an unknown entity is a 404 that names it."""
    response = await client.get("/api/catalog/entities/by-name/Component/default/Web/ancestry")
    body = response.json()
    assert body["rootEntityRef"] == "component:default/web"
    assert [item["entity"]["kind"] for item in body["items"]] == ["Component", "Location"]
    location = body["items"][1]["entity"]["metadata"]["name"]
    assert [item["parentEntityRefs"] for item in body["items"]] == [[f"location:default/{location}"], []]
    assert "etag" in response.headers
    missing = await client.get("/api/catalog/entities/by-name/component/default/nope/ancestry")
    assert missing.status_code == 404
    assert missing.json()["error"] == {"name": "NotFoundError", "message": "No such entity component:default/nope"}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"entityRef": "Component:default/web"}, 200, ""),
        ({"entityRef": "component:default/web", "authorizationToken": "x"}, 200, ""),
        ({"entityRef": "component:default/nope"}, 404, "Entity component:default/nope not found"),
        ({"x": 1}, 400, "request/body must have required property 'entityRef'"),
        ({"entityRef": "a:b/c", "x": 1}, 400, "request/body must NOT have additional properties: 'x'"),
        (None, 400, "unsupported media type undefined"),
    ],
)
async def test_refreshing_over_http(client: httpx2.AsyncClient, body: Any, status: int, message: str) -> None:
    """K5, K239, K241: 200 without a body; what is unknown or malformed is refused with the recorded texts."""
    response = await client.post("/api/catalog/refresh", **({} if body is None else {"json": body}))
    assert response.status_code == status
    if status == 200:
        assert response.content == b""
    else:
        assert response.json()["error"]["message"] == message


NO_OWNER = "/spec must have required property 'owner' - missingProperty: owner"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            {"entity": entity(spec={"type": "service", "lifecycle": "x"}), "location": PLACE},
            {
                "name": "InputError",
                "message": "Processor BuiltinKindsEntityProcessor threw an error while validating the entity "
                f"component:default/v; caused by TypeError: {NO_OWNER}",
                "cause": {"name": "TypeError", "message": NO_OWNER},
            },
        ),
        (
            {"entity": entity(apiVersion="v9"), "location": PLACE},
            {
                "name": "InputError",
                "message": "No processor recognized the entity component:default/v as valid, possibly caused by a "
                "foreign kind or apiVersion",
            },
        ),
        (
            {"entity": entity(), "location": "zzz"},
            {
                "name": "TypeError",
                "message": "Unable to parse location ref 'zzz', expected '<type>:<target>', e.g. 'url:https://host/path'",
            },
        ),
        (
            {"entity": entity(), "location": "file:/etc/passwd"},
            {
                "name": "InputError",
                "message": "Invalid location ref 'file:/etc/passwd', only 'url:<target>' is supported",
            },
        ),
        (
            {"entity": {"kind": "Component"}, "location": PLACE},
            {
                "name": "TypeError",
                "message": "<root> must have required property 'apiVersion' - missingProperty: apiVersion",
            },
        ),
    ],
)
async def test_an_invalid_entity_is_refused(
    client: httpx2.AsyncClient, body: dict[str, Any], error: dict[str, Any]
) -> None:
    """K236: what is wrong with an entity comes as `errors` with status 400, in the recorded texts."""
    response = await client.post("/api/catalog/validate-entity", json=body)
    assert response.status_code == 400
    assert response.json() == {"errors": [error]}


async def test_a_bad_name_is_refused(client: httpx2.AsyncClient) -> None:
    """K236: a member of the wrong form is told with what was expected and what was found."""
    body = {"entity": entity(metadata={"name": "bad name!"}), "location": PLACE}
    (error,) = (await client.post("/api/catalog/validate-entity", json=body)).json()["errors"]
    expected = (
        '"metadata.name" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], '
        'at most 63 characters in total but found "bad name!"'
    )
    assert error["name"] == "InputError"
    assert error["message"].startswith(
        f"Policy check failed for component:default/bad name!; caused by Error: {expected}"
    )
    assert error["cause"]["name"] == "Error"


async def test_a_valid_entity_is_accepted_and_not_stored(client: httpx2.AsyncClient) -> None:
    """K235, K237: 200 without a body, and nothing is stored."""
    for metadata in ({"name": "v"}, {"name": "v", "labels": {"a": ""}}, {"name": "v", "annotations": {"a": "b"}}):
        body = {"entity": entity(metadata=metadata), "location": PLACE}
        response = await client.post("/api/catalog/validate-entity", json=body)
        assert (response.status_code, response.content) == (200, b"")
    await asyncio.sleep(0)
    assert (await client.get("/api/catalog/entities/by-name/component/default/v")).status_code == 404


async def test_labels_that_differ_in_case_are_told(client: httpx2.AsyncClient) -> None:
    """K320, K473: keys that queries cannot tell apart are an error of the entity.

    deviation: upstream they pass the validation, and then the entity never appears or changes, without a word.
    """
    body = {"entity": entity(metadata={"name": "v", "labels": {"a": "1", "A": "2"}}), "location": PLACE}
    response = await client.post("/api/catalog/validate-entity", json=body)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert "vary only in casing, 'metadata.labels.a' and 'metadata.labels.A'" in error["message"]


async def test_malformed_requests_for_validation_have_the_usual_error(client: httpx2.AsyncClient) -> None:
    """K10: a body that is none of the schema is told by the standard error document."""
    response = await client.post("/api/catalog/validate-entity", json={"entity": entity()})
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "request/body must have required property 'location'"


async def test_a_location_at_an_address_cannot_read_files(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    """K383: a Location that was found at an address names no files of the machine, not even in validation."""
    (tmp_path / "secret.yaml").write_text("password: 1")
    location = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {"name": "l"},
        "spec": {"type": "file", "target": str(tmp_path / "secret.yaml")},
    }
    claims = {"backstage.io/managed-by-location": f"file:{tmp_path}/own.yaml"}
    for metadata in ({"name": "l"}, {"name": "l", "annotations": claims}):
        body = {"entity": {**location, "metadata": metadata}, "location": PLACE}
        response = await client.post("/api/catalog/validate-entity", json=body)
        (error,) = response.json()["errors"]
        assert error["message"].endswith("may name targets of the types url only")
        assert "document" not in error["message"]

"""Every call of the Python client, against the plugin it is made for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from understage.catalog import feature as catalog
from understage.catalog_api import CatalogClient, ComponentEntity, EntityRef, Location, to_entity
from understage.errors import ResponseError
from understage.plugin_api import core_services
from understage.testing import mock_credentials, mock_services, start_test_backend

NAMES = ["a", "b", "c"]


@dataclass
class Asking:
    """A client, and the token that it is used with."""

    client: CatalogClient
    token: str


def entity_of(name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, **metadata},
        "spec": {"type": "service", "lifecycle": "production", "owner": f"team-{name}"},
    }


@pytest.fixture
async def asking(tmp_path: Path, make_component: Any) -> AsyncIterator[Asking]:
    (tmp_path / "a.yaml").write_text("".join(make_component(name, owner=f"team-{name}") for name in NAMES))
    data = {"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "a.yaml")}]}}
    features = [catalog, mock_services.root_config.factory(data=data)]
    async with start_test_backend(features=features) as backend:
        client = CatalogClient(
            await backend.service(core_services.discovery), await backend.service(core_services.root_http_client)
        )
        one = Asking(client, mock_credentials.service.token())
        with anyio.fail_after(20):
            while True:
                if len(await client.get_entities(filter={"kind": "component"}, token=one.token)) == len(NAMES):
                    break
                await anyio.sleep(0.02)
        yield one


def names(entities: list[Any]) -> list[str]:
    return [one["metadata"]["name"] for one in entities]


async def test_entities_are_queried_and_streamed(asking: Asking) -> None:
    """K555, K556, K566, K568: filters, predicates and pages both ways; a value with a comma finds what it says."""
    client, token = asking.client, asking.token
    by_name = [("metadata.name", "asc")]
    page = await client.query_entities(query={"kind": "component"}, order=by_name, limit=2, token=token)  # type: ignore[arg-type]
    assert (names(page.items), page.total_items) == (["a", "b"], 3)
    second = await client.query_entities(cursor=page.page_info.next_cursor, limit=2, token=token)
    assert names(second.items) == ["c"]
    back = await client.query_entities(cursor=second.page_info.prev_cursor, limit=2, token=token)
    assert names(back.items) == ["a", "b"]
    for options in ({"filter": {"kind": "component"}}, {"query": {"kind": "component"}}):
        pages = [
            names(one)
            async for one in client.stream_entities(**options, order=by_name, page_size=2, token=token)  # type: ignore[arg-type]
        ]
        assert pages == [["a", "b"], ["c"]]
    found = await client.query_entities(filter={"spec.owner": ["team-a,kind=component", "team-b"]}, token=token)
    assert names(found.items) == ["b"]
    typed = to_entity(found.items[0])
    assert isinstance(typed, ComponentEntity)
    assert typed.spec.owner == "team-b"


async def test_entities_are_found_by_their_names(asking: Asking) -> None:
    """K557, K558, K559, K560: by one name and by many, with what led to them, and counted."""
    client, token = asking.client, asking.token
    assert await client.get_entity_by_ref("component:nope", token=token) is None
    found = await client.get_entities_by_refs(["component:b", "x:y"], query={"spec.owner": "team-b"}, token=token)
    assert [one and one["metadata"]["name"] for one in found] == ["b", None]
    ancestors = await client.get_entity_ancestors(EntityRef("component", "default", "a"), token=token)
    assert ancestors.root_entity_ref == "component:default/a"
    assert [one.entity["kind"] for one in ancestors.items] == ["Component", "Location"]
    assert ancestors.items[0].parent_entity_refs[0].startswith("location:default/generated-")
    facets = await client.get_entity_facets(["spec.owner"], query={"$not": {"spec.owner": "team-b"}}, token=token)
    assert [facet.value for facet in facets["spec.owner"]] == ["team-a", "team-c"]


async def test_entities_are_refreshed_and_removed(asking: Asking) -> None:
    """K561: what is removed is gone; what does not exist cannot be refreshed."""
    client, token = asking.client, asking.token
    await client.refresh_entity("component:a", token=token)
    with pytest.raises(ResponseError) as raised:
        await client.refresh_entity("component:nope", token=token)
    assert raised.value.status_code == 404
    (entity,) = await client.get_entities(filter={"metadata.name": "a"}, token=token)
    await client.remove_entity_by_uid(entity["metadata"]["uid"], token=token)
    after = await client.get_entities_by_refs(["component:a"], token=token)
    assert not after[0] or after[0]["metadata"]["uid"] != entity["metadata"]["uid"]


async def test_locations_are_kept(asking: Asking) -> None:
    """K562, K563, K564: registered, listed, found in every way, changed and removed."""
    client, token = asking.client, asking.token
    added = [(await client.add_location(f"https://example.com/{name}.yaml", token=token)).location for name in "abc"]
    assert sorted(one.target for one in await client.get_locations(token=token)) == [one.target for one in added]
    again = await client.add_location(added[0].target, on_conflict="refresh", token=token)
    assert again.location == added[0]
    page = await client.query_locations(query={"target": {"$hasPrefix": "https:"}}, limit=2, token=token)
    assert (len(page.items), page.total_items) == (2, 3)
    rest = await client.query_locations(cursor=page.page_info.next_cursor, token=token)
    assert sorted(one.target for one in page.items + rest.items) == [one.target for one in added]
    streamed: list[Location] = []
    async for items in client.stream_locations(page_size=2, token=token):
        streamed += items
    assert sorted(one.id for one in streamed) == sorted(one.id for one in added)
    assert await client.get_location_by_id(added[1].id, token=token) == added[1]
    assert await client.get_location_by_ref(f"url:{added[2].target}", token=token) == added[2]
    changed = await client.update_location(added[1].id, "https://example.com/d.yaml", token=token)
    assert (changed.id, changed.target) == (added[1].id, "https://example.com/d.yaml")
    await client.remove_location_by_id(added[1].id, token=token)
    assert await client.get_location_by_id(added[1].id, token=token) is None
    assert await client.get_location_by_ref("url:https://example.com/d.yaml", token=token) is None
    assert await client.get_location_by_entity("component:a", token=token) is None


async def test_entities_are_validated_and_locations_analysed(asking: Asking) -> None:
    """K565: faults are told as errors, or the entity is valid; an address gives a suggestion."""
    client, token = asking.client, asking.token
    place = "url:https://example.com/a.yaml"
    good = await client.validate_entity(entity_of("new"), place, token=token)
    assert (good.is_valid, good.errors) == (True, [])
    bad = await client.validate_entity(entity_of("new", namespace="-"), place, token=token)
    assert not bad.is_valid
    assert "namespace" in bad.errors[0].message
    with pytest.raises(ResponseError):
        await client.validate_entity([], place, token=token)  # type: ignore[arg-type]
    analysis = await client.analyze_location("https://example.com/team/shop", token=token)
    assert analysis.existing_entity_files == []
    assert analysis.generate_entities[0].entity["metadata"]["name"] == "shop"


async def test_without_a_token_nothing_is_told(asking: Asking) -> None:
    """K567: a refusal is an error with the server's own words."""
    with pytest.raises(ResponseError) as raised:
        await asking.client.get_locations(token="wrong")
    assert raised.value.status_code == 401
    assert raised.value.cause.name == "AuthenticationError"

"""Corners of the HTTP API: what is not there, what is not a credential, and what breaks off."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest

from understage.catalog import feature as catalog
from understage.catalog.http.responses import send_stream
from understage.plugin_api import Message
from understage.testing import mock_credentials, mock_services, start_test_backend

API = "/api/catalog"
PLACE = "http://x/shop.yaml"
SHOP = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop, tags: [web, java], annotations: {ours: "a/b?c:d@e"}}
spec: {type: service, lifecycle: production, owner: team}
"""


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Runs a backend that has registered a place with one component, with some settings of the catalog."""
    web = mock_services.url_reader.factory({PLACE: SHOP})
    locations = [{"type": "url", "target": PLACE}]
    config = mock_services.root_config.factory(data={"catalog": {"locations": locations, **settings}})
    async with start_test_backend(features=[catalog, web, config]) as backend:
        with anyio.fail_after(15):
            while True:
                if (await backend.client.get(f"{API}/entities/by-name/component/default/shop")).status_code == 200:
                    break
                await anyio.sleep(0.02)
        yield backend.client


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with serving() as client:
        yield client


async def uid_of(client: httpx2.AsyncClient) -> str:
    return str((await client.get(f"{API}/entities/by-name/component/default/shop")).json()["metadata"]["uid"])


async def test_reserved_characters_need_no_encoding(client: httpx2.AsyncClient) -> None:
    """K9: in a value of the query, slashes, question marks, colons and at signs stand for themselves."""
    found = await client.get(f"{API}/entities?filter=metadata.annotations.ours=a/b?c:d@e&fields=metadata.name")
    assert found.json() == [{"metadata": {"name": "shop"}}]


async def test_an_entity_has_no_conditions_of_its_etag(client: httpx2.AsyncClient) -> None:
    """K20: neither If-Match nor If-None-Match with the entity's own etag changes anything."""
    entity = (await client.get(f"{API}/entities/by-name/component/default/shop")).json()
    etag = f'"{entity["metadata"]["etag"]}"'
    for headers in ({"If-Match": '"other"'}, {"If-None-Match": etag}):
        again = await client.get(f"{API}/entities/by-name/component/default/shop", headers=headers)
        assert (again.status_code, again.json()) == (200, entity)


async def test_a_token_in_a_body_is_no_credential(client: httpx2.AsyncClient) -> None:
    """K17, K23: the member of the body is accepted and means nothing."""
    body = {"entityRef": "component:default/shop", "authorizationToken": mock_credentials.user.token()}
    nobody = await client.post(f"{API}/refresh", json=body, headers=mock_credentials.none.header())
    assert nobody.status_code == 401
    assert (await client.post(f"{API}/refresh", json=body)).status_code == 200


async def test_a_list_as_sort_field_lists_once_for_each_value(client: httpx2.AsyncClient) -> None:
    """K106: an entity with two tags is listed twice and counted once."""
    page = (await client.get(f"{API}/entities/by-query?orderField=metadata.tags,asc&fields=metadata.name")).json()
    assert page["items"] == [{"metadata": {"name": "shop"}}] * 2
    assert page["totalItems"] == 1


async def test_single_entities_are_served_whole(client: httpx2.AsyncClient) -> None:
    """K142: `fields` is an unknown parameter there."""
    for path in ("by-name/component/default/shop", f"by-uid/{await uid_of(client)}"):
        response = await client.get(f"{API}/entities/{path}?fields=kind")
        assert response.status_code == 400
        assert response.json()["error"]["message"] == "Unknown query parameter 'fields'"


async def test_entities_can_be_deleted_while_locations_are_fixed() -> None:
    """K153: with catalog.readonly, deleting an entity is allowed all the same."""
    async with serving(readonly=True) as client:
        assert (await client.delete(f"{API}/entities/by-uid/{await uid_of(client)}")).status_code == 204


@pytest.mark.parametrize(("strategy", "status"), [("refresh", 201), ("reject", 409)])
async def test_the_configuration_says_what_a_conflict_does(strategy: str, status: int) -> None:
    """K195: unless the request says so, `catalog.defaultLocationConflictStrategy` decides."""
    other = {"refresh": "reject", "reject": "refresh"}[strategy]
    async with serving(defaultLocationConflictStrategy=strategy) as client:
        body = {"type": "url", "target": "http://x/other.yaml"}
        assert (await client.post(f"{API}/locations", json=body)).status_code == 201
        assert (await client.post(f"{API}/locations", json=body)).status_code == status
        asked = await client.post(f"{API}/locations", json=body, params={"onConflict": other})
        assert asked.status_code == {201: 409, 409: 201}[status]


@pytest.mark.parametrize("body", [{"limit": 0}, {"limit": 1.5}, {"limit": "1"}, {"cursor": ""}, {"cursor": "e30="}])
async def test_bad_pages_of_locations_are_refused(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    """K204: a limit is a whole number of at least one, and a cursor one that was handed out."""
    assert (await client.post(f"{API}/locations/by-query", json=body)).status_code == 400


async def test_a_validated_entity_is_where_the_request_says(client: httpx2.AsyncClient) -> None:
    """K238: whatever an entity says of its own location, it is looked at as if it came from the given one.

    deviation: upstream believes the entity; here it could claim to be a file, and have others of the machine read.
    """
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "x", "annotations": {"backstage.io/managed-by-location": "nonsense"}},
        "spec": {"type": "a", "lifecycle": "b", "owner": "c"},
    }
    response = await client.post(f"{API}/validate-entity", json={"entity": entity, "location": "url:http://x/y.yaml"})
    assert (response.status_code, response.content) == (200, b"")


async def test_a_failure_in_the_middle_ends_the_answer() -> None:
    """K16: what fails after the first chunk is raised, and the list is never closed as if it were whole."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def chunks() -> AsyncIterator[list[str]]:
        yield ['{"a":1}']
        raise ConnectionError("the database is gone")

    with pytest.raises(ConnectionError):
        await send_stream(send, chunks())
    assert all(message.get("more_body") for message in sent[1:])
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(message["body"] for message in sent[1:]))

"""The catalog's actions, over HTTP as assistants use them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.waiting import until

from understage.catalog import feature as catalog
from understage.catalog_api.catalog_conditions import catalog_conditional_decision, is_entity_owner
from understage.permission_api import ALLOW, DENY, PermissionRequest
from understage.plugin_api import core_services, create_service_factory
from understage.testing import mock_services, start_test_backend

Client = httpx2.AsyncClient
Json = dict[str, Any]

ACTIONS = "/api/catalog/.backstage/actions"
RECORDED = Path(__file__).parent / "data" / "actions.json"
URL = "http://x/catalog-info.yaml"
GROUP = """
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: new}
spec: {type: team, children: []}
"""


class Policy:
    """A permissions service that a test tells what to say."""

    def __init__(self) -> None:
        self.decisions: dict[str, Any] = {}

    async def authorize_conditional(self, requests: list[PermissionRequest], *, credentials: Any) -> list[Any]:
        return [self.decisions.get(one.permission.name, ALLOW) for one in requests]

    authorize = authorize_conditional


def component(name: str, owner: str, namespace: str = "default") -> str:
    metadata = f"metadata: {{name: {name}, namespace: {namespace}}}"
    spec = f"spec: {{type: service, lifecycle: production, owner: {owner}}}"
    return f"---\napiVersion: backstage.io/v1alpha1\nkind: Component\n{metadata}\n{spec}\n"


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.fixture
def auditor() -> Any:
    return mock_services.auditor()


@pytest.fixture
async def client(policy: Policy, auditor: Any, tmp_path: Path) -> AsyncIterator[Client]:
    documents = [component("web", "team"), component("twin", "team"), component("twin", "others", "second")]
    (tmp_path / "all.yaml").write_text("".join(documents))

    @create_service_factory(service=core_services.permissions)
    def permissions() -> Any:
        return policy

    @create_service_factory(service=core_services.auditor)
    def audit() -> Any:
        return auditor

    data = {"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "all.yaml")}]}}
    features = [catalog, permissions, audit, mock_services.root_config.factory(data=data)]
    async with start_test_backend(features=features) as backend:

        async def is_served() -> bool:
            return len(await _all(backend.client)) == 3

        await until(is_served)
        auditor.events.clear()
        yield backend.client


async def _all(client: Client) -> list[Json]:
    found: list[Json] = (await client.get("/api/catalog/entities?filter=kind=component")).json()
    return found


async def invoke(client: Client, name: str, given: Json, version: str = "v1") -> httpx2.Response:
    body = given if version == "v1" else {"input": given}
    return await client.post(f"{ACTIONS}/{version}/actions/catalog:{name}/invoke", json=body)


async def output(client: Client, action: str, /, **given: Any) -> Any:
    response = await invoke(client, action, given)
    assert response.status_code == 200, response.text
    return response.json()["output"]


async def refused(client: Client, action: str, /, **given: Any) -> tuple[int, str]:
    response = await invoke(client, action, given)
    return response.status_code, response.json()["error"]["message"]


def bare(value: Any) -> Any:
    """Returns JSON data without the texts that describe it."""
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items() if key != "description" or isinstance(inner, dict)}
    return [bare(inner) for inner in value] if isinstance(value, list) else value


async def test_they_are_listed_as_recorded(client: Client) -> None:
    """K32 K292: a stock backend lists the same actions, with the same attributes and schemas; the words are ours."""
    actions = (await client.get(f"{ACTIONS}/v1/actions")).json()["actions"]
    assert all(one["description"] for one in actions)
    recorded = json.loads(RECORDED.read_text())["actions"]
    assert {one["id"]: bare(one) for one in actions} == {one["id"]: one for one in recorded}
    assert (await client.get(f"{ACTIONS}/v1/status")).status_code == 404


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_one_entity_is_found(client: Client, version: str) -> None:
    """K293: get-catalog-entity returns the entity of a name in any case; kind and namespace tell several apart."""
    response = await invoke(client, "get-catalog-entity", {"name": "Web"}, version)
    served = (await client.get("/api/catalog/entities/by-name/component/default/web")).json()
    assert response.json() == {"output": served}
    response = await invoke(client, "get-catalog-entity", {"name": "twin", "namespace": "second"}, version)
    assert response.json()["output"]["metadata"]["namespace"] == "second"


async def test_none_and_several_are_told(client: Client, policy: Policy) -> None:
    """K293: no entity of a name is 400, several are 409 with their names; what may not be read does not count."""
    assert await refused(client, "get-catalog-entity", name="nope") == (400, 'No entity found with name "nope"')
    assert await refused(client, "refresh-catalog-entity", name=" ") == (400, 'No entity found with name ""')
    status, message = await refused(client, "get-catalog-entity", name="twin")
    assert status == 409
    assert message.startswith('Multiple entities found with name "twin", please provide more specific filters.')
    assert '"component:default/twin"' in message
    policy.decisions["catalog.entity.read"] = catalog_conditional_decision(is_entity_owner(["group:second/others"]))
    assert (await output(client, "get-catalog-entity", name="twin"))["metadata"]["namespace"] == "second"
    policy.decisions["catalog.entity.read"] = DENY
    assert (await refused(client, "get-catalog-entity", name="twin"))[0] == 400


async def test_entities_are_queried(client: Client, policy: Policy) -> None:
    """K294: query-catalog-entities sorts, projects and pages; numbers may be texts, and the policy is kept to."""
    query = {"kind": "Component"}
    by_name = {"field": "metadata.name", "order": "desc"}
    first = await output(
        client, "query-catalog-entities", query=query, limit="2", orderFields=by_name, fields=["metadata.name"]
    )
    assert first["items"] == [{"metadata": {"name": "web"}}, {"metadata": {"name": "twin"}}]
    assert (first["totalItems"], first["hasMoreEntities"]) == (3, True)
    rest = await output(client, "query-catalog-entities", cursor=first["nextPageCursor"])
    assert [one["metadata"]["name"] for one in rest["items"]] == ["twin"]
    assert rest["hasMoreEntities"] is False
    assert "nextPageCursor" not in rest
    found = await output(
        client,
        "query-catalog-entities",
        query={"$all": [query, {"$not": {"metadata.namespace": "second"}}]},
        fullTextFilter={"term": "WI", "fields": ["metadata.name"]},
        orderFields=[by_name],
        offset=0,
    )
    assert [one["metadata"]["name"] for one in found["items"]] == ["twin"]
    policy.decisions["catalog.entity.read"] = DENY
    assert await output(client, "query-catalog-entities") == {"items": [], "totalItems": 0, "hasMoreEntities": False}
    empty = await output(client, "query-catalog-entities", cursor=first["nextPageCursor"])
    assert empty == {"items": [], "totalItems": 0, "hasMoreEntities": False}


@pytest.mark.parametrize(
    "given",
    [
        {"query": []},
        {"query": {"$nope": []}},
        {"query": "text"},
        {"limit": 0},
        {"limit": "many"},
        {"limit": "1.5"},
        {"limit": "inf"},
        {"limit": 2**40},
        {"offset": "-1"},
        {"orderFields": {"field": "kind", "order": "up"}},
        {"cursor": "nonsense"},
    ],
)
async def test_bad_queries_are_refused(client: Client, given: Json) -> None:
    """K294: a query that is not as it should be is 400."""
    response = await invoke(client, "query-catalog-entities", given)
    assert response.status_code == 400, response.text


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("get-catalog-entity", {"name": "a\0"}),
        ("refresh-catalog-entity", {"name": "web", "kind": "\0"}),
        ("query-catalog-entities", {"query": {"kind\0": "a"}}),
        ("query-catalog-entities", {"fullTextFilter": {"term": "\0"}}),
        ("register-entity", {"locationUrl": "http://x/\0"}),
        ("unregister-entity", {"type": {"locationId": "\0"}}),
    ],
)
async def test_nul_characters_are_refused(client: Client, action: str, given: Json) -> None:
    """K292: a text that databases cannot look for is 400."""
    assert await refused(client, action, **given) == (400, "The input cannot be read: it holds a NUL character")


async def test_entities_are_refreshed(client: Client, policy: Policy, auditor: Any) -> None:
    """K295: refresh-catalog-entity makes an entity due and returns its name; it wants the permission to."""
    assert await output(client, "refresh-catalog-entity", name="web") == {"entityRef": "component:default/web"}
    policy.decisions["catalog.entity.refresh"] = DENY
    assert (await refused(client, "refresh-catalog-entity", name="web"))[0] == 403
    done, denied = auditor.events
    assert (done.event_id, done.severity_level, done.status) == ("entity-mutate", "medium", "succeeded")
    assert done.meta == {
        "queryType": "refresh",
        "entityRef": "component:default/web",
        "onBehalfOf": "user:default/mock",
    }
    assert denied.status == "failed"


async def test_entities_are_checked(client: Client, policy: Policy) -> None:
    """K296: validate-entity tells bad YAML from an entity that the catalog would not take.

    deviation: without the permission to validate it is 403; upstream answers that the YAML is not valid
    """
    valid = await output(client, "validate-entity", entity=GROUP)
    assert valid["entity"]["metadata"] == {"name": "new"}
    assert (valid["isValid"], valid["isValidYaml"], valid["errors"]) == (True, True, [])
    for entity, is_yaml, text in [
        ("a: [", False, "YAML parsing error: "),
        (GROUP + "---\n" + GROUP, False, "YAML parsing error: expected one document, found 2"),
        (GROUP.replace("kind: Group", "kind: Nope"), True, "No processor recognized the entity"),
        ("just a text", True, ""),
        ("", True, ""),
    ]:
        invalid = await output(client, "validate-entity", entity=entity)
        assert (invalid["isValid"], invalid["isValidYaml"]) == (False, is_yaml)
        assert invalid["errors"]
        assert text in invalid["errors"][0]
    wrong = await output(client, "validate-entity", entity=GROUP, location="file:/etc/passwd")
    assert wrong["errors"] == ["Invalid location ref 'file:/etc/passwd', only 'url:<target>' is supported"]
    policy.decisions["catalog.entity.validate"] = DENY
    assert (await refused(client, "validate-entity", entity=GROUP))[0] == 403


async def test_locations_are_registered_and_removed(client: Client, policy: Policy, auditor: Any) -> None:
    """K297: register-entity returns the id of the location; unregister-entity removes it by id or address."""

    async def ids() -> list[str]:
        return [one["data"]["id"] for one in (await client.get("/api/catalog/locations")).json()]

    registered = await output(client, "register-entity", locationUrl=URL)
    assert await ids() == [registered["locationId"]]
    assert auditor.events[0].meta["location"] == {"type": "url", "target": URL}
    assert (await refused(client, "register-entity", locationUrl=URL))[0] == 409
    assert await refused(client, "register-entity", locationUrl="nowhere") == (400, "nowhere is an invalid URL")
    assert await output(client, "unregister-entity", type=registered) == {}
    assert await ids() == []
    assert (await refused(client, "unregister-entity", type=registered))[0] == 404

    registered = await output(client, "register-entity", locationUrl=URL)
    by_url = {"locationUrl": URL.upper()}
    for name, status in [("catalog.location.read", 404), ("catalog.location.delete", 403)]:
        policy.decisions = {name: DENY}
        assert (await refused(client, "unregister-entity", type=by_url))[0] == status
    policy.decisions = {"catalog.location.create": DENY}
    assert (await refused(client, "register-entity", locationUrl="http://x/other.yaml"))[0] == 403
    assert await output(client, "unregister-entity", type=by_url) == {}
    assert await ids() == []
    assert (await refused(client, "unregister-entity", type={}))[0] == 400


async def test_the_model_is_described(client: Client) -> None:
    """K298: get-catalog-model-description names every kind, its members and its relations."""
    text = (await output(client, "get-catalog-model-description"))["description"]
    for part in (
        "### Component",
        "### Location",
        "`spec.owner`: a text, required",
        "`ownedBy` and its inverse `ownerOf`",
    ):
        assert part in text

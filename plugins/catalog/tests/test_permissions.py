"""What the catalog shows and does under each decision of a policy."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.waiting import until

from understage.catalog import feature as catalog
from understage.catalog import service
from understage.catalog_api import CatalogProcessing, CatalogProcessor, Emit, LocationRef, ProcessorCache
from understage.catalog_api.catalog_conditions import (
    catalog_conditional_decision,
    has_metadata,
    is_entity_kind,
    is_entity_owner,
)
from understage.catalog_api.permission_rules import EntitiesSearchFilter, create_catalog_permission_rule
from understage.permission_api import (
    ALLOW,
    DENY,
    DefinitiveDecision,
    PermissionRequest,
    PolicyDecision,
    condition,
    not_,
)
from understage.plugin_api import (
    Credentials,
    ModuleRegistrationPoints,
    PermissionsRegistry,
    core_services,
    create_backend_module,
    create_service_factory,
    is_user,
)
from understage.testing import TestBackend, mock_credentials, mock_services, start_test_backend

Client = httpx2.AsyncClient
Answer = Callable[[Client], Awaitable[Any]]

BASE = "/api/catalog"
TEAM = catalog_conditional_decision(is_entity_owner(["group:default/team"]))
OTHERS = catalog_conditional_decision(is_entity_owner(["group:default/others"]))
WEB = f"{BASE}/entities/by-name/component/default/web"
LOCATION = {"type": "url", "target": "http://x/new.yaml"}


class Policy:
    """A permissions service that a test tells what to say; it notes what is asked."""

    def __init__(self) -> None:
        self.decisions: dict[str, Any] = {}
        self.of_users: dict[str, PolicyDecision] = {}
        self.asked: list[str] = []

    async def authorize_conditional(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Any]
    ) -> list[PolicyDecision]:
        self.asked += [one.permission.name for one in requests]
        if is_user(credentials) and credentials.principal.user_entity_ref in self.of_users:
            return [self.of_users[credentials.principal.user_entity_ref]] * len(requests)
        return [self.decisions.get(one.permission.name, ALLOW) for one in requests]

    async def authorize(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Any]
    ) -> list[DefinitiveDecision]:
        decisions = await self.authorize_conditional(requests, credentials=credentials)
        assert all(isinstance(one, DefinitiveDecision) for one in decisions)
        return [one for one in decisions if isinstance(one, DefinitiveDecision)]


def component(name: str, owner: str) -> str:
    spec = f"spec: {{type: service, lifecycle: production, owner: {owner}}}"
    return f"---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\n{spec}\n"


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.fixture
async def backend(policy: Policy, tmp_path: Path) -> AsyncIterator[TestBackend]:
    nested = (
        "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: nested}\nspec: {target: ./deep.yaml}\n"
    )
    (tmp_path / "all.yaml").write_text(nested + component("web", "team") + component("shop", "others"))
    (tmp_path / "deep.yaml").write_text(component("deep", "team"))

    @create_service_factory(service=core_services.permissions)
    def factory() -> Policy:
        return policy

    data = {"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "all.yaml")}]}}
    features = [catalog, tiers, factory, mock_services.root_config.factory(data=data)]
    async with start_test_backend(features=features) as backend:
        await _until_served(backend.client, 3)
        yield backend


async def _until_served(client: Client, number: int) -> None:
    async def is_served() -> bool:
        return len(await names(client)) >= number

    await until(is_served)


@pytest.fixture
def client(backend: TestBackend) -> Client:
    return backend.client


async def names(client: Client) -> list[str]:
    response = await client.get(f"{BASE}/entities?filter=kind=component&order=asc:metadata.name")
    return [one["metadata"]["name"] for one in response.json()]


async def offset_page(client: Client) -> Any:
    response = await client.get(f"{BASE}/entities?filter=kind=component&limit=1&order=asc:metadata.name")
    return [one["metadata"]["name"] for one in response.json()], "link" in response.headers


async def query_page(client: Client) -> Any:
    page = (await client.get(f"{BASE}/entities/by-query?filter=kind=component&orderField=metadata.name")).json()
    return [one["metadata"]["name"] for one in page["items"]], page["totalItems"], page["pageInfo"]


async def body_page(client: Client) -> Any:
    body = {"query": {"kind": "component"}, "orderBy": [{"field": "metadata.name", "order": "asc"}]}
    page = (await client.post(f"{BASE}/entities/by-query", json=body)).json()
    return [one["metadata"]["name"] for one in page["items"]], page["totalItems"], page["pageInfo"]


async def by_refs(client: Client) -> Any:
    refs = ["component:default/shop", "component:default/web", "component:default/nope"]
    items = (await client.post(f"{BASE}/entities/by-refs", json={"entityRefs": refs})).json()["items"]
    return [one and one["metadata"]["name"] for one in items]


async def facets(client: Client) -> Any:
    return (await client.get(f"{BASE}/entity-facets?filter=kind=component&facet=metadata.name")).json()["facets"]


async def body_facets(client: Client) -> Any:
    body = {"facets": ["metadata.name"], "query": {"kind": "component"}}
    return (await client.post(f"{BASE}/entity-facets", json=body)).json()["facets"]


def counted(*found: str) -> Any:
    return {"metadata.name": [{"value": name, "count": 1} for name in found]}


EVERYONE, OURS, THEIRS = ["deep", "shop", "web"], ["deep", "web"], ["shop"]


@pytest.mark.parametrize(
    ("ask", "allowed", "denied", "ours", "theirs"),
    [
        (names, EVERYONE, [], OURS, THEIRS),
        (offset_page, (["deep"], True), ([], False), (["deep"], True), (["shop"], False)),
        (query_page, (EVERYONE, 3, {}), ([], 0, {}), (OURS, 2, {}), (THEIRS, 1, {})),
        (body_page, (EVERYONE, 3, {}), ([], 0, {}), (OURS, 2, {}), (THEIRS, 1, {})),
        (by_refs, ["shop", "web", None], [None] * 3, [None, "web", None], ["shop", None, None]),
        (facets, counted(*EVERYONE), counted(), counted(*OURS), counted(*THEIRS)),
        (body_facets, counted(*EVERYONE), counted(), counted(*OURS), counted(*THEIRS)),
    ],
)
async def test_lists_show_what_may_be_read(
    client: Client, policy: Policy, ask: Answer, allowed: Any, denied: Any, ours: Any, theirs: Any
) -> None:
    """K261 K263: lists, pages, counts and facets are made of what the policy lets the reader see, and ask it once."""
    for decision, expected in [(ALLOW, allowed), (DENY, denied), (TEAM, ours), (OTHERS, theirs), (ALLOW, allowed)]:
        policy.decisions["catalog.entity.read"] = decision
        policy.asked.clear()
        assert await ask(client) == expected
        assert policy.asked == ["catalog.entity.read"]


async def test_single_entities_hide_what_may_not_be_read(client: Client, policy: Policy) -> None:
    """K262: by name and by uid, what may not be read is answered exactly as what is not there."""
    found = (await client.get(WEB)).json()
    by_uid = f"{BASE}/entities/by-uid/{found['metadata']['uid']}"
    for decision, status in [(ALLOW, 200), (DENY, 404), (TEAM, 200), (OTHERS, 404)]:
        policy.decisions["catalog.entity.read"] = decision
        for path in (WEB, by_uid):
            policy.asked.clear()
            response = await client.get(path)
            assert response.status_code == status
            assert policy.asked == ["catalog.entity.read"]
            if status == 200:
                assert response.json() == found
    message = (await client.get(WEB)).json()["error"]["message"]
    assert message == "No entity named 'web' found, with kind 'component' in namespace 'default'"


async def test_pages_by_cursor_keep_to_the_policy(client: Client, policy: Policy) -> None:
    """K261: a cursor holds nothing of the policy: whoever goes on with it sees what they may see at that moment."""
    policy.decisions["catalog.entity.read"] = TEAM
    first = (
        await client.get(f"{BASE}/entities/by-query?filter=kind=component&orderField=metadata.name&limit=1")
    ).json()
    cursor = first["pageInfo"]["nextCursor"]
    assert b"owned" not in base64.b64decode(cursor)

    async def onwards() -> list[str]:
        page = (await client.get(f"{BASE}/entities/by-query?cursor={cursor}")).json()
        return [one["metadata"]["name"] for one in page["items"]]

    for decision, expected in [(TEAM, ["web"]), (ALLOW, ["shop", "web"]), (OTHERS, ["shop"]), (DENY, [])]:
        policy.decisions["catalog.entity.read"] = decision
        assert await onwards() == expected


@pytest.mark.parametrize("limit", ["limit=2", "limit=1000"])
async def test_long_pages_keep_to_the_policy(
    client: Client, policy: Policy, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K261: a page that is sent piece by piece, and a listing in a stream, hold what may be read in every piece."""
    monkeypatch.setattr(service, "FIRST_CHUNK", 1)
    monkeypatch.setattr(service, "STREAM_CHUNK", 1)
    for decision, expected in [(ALLOW, EVERYONE), (TEAM, OURS), (OTHERS, THEIRS), (DENY, [])]:
        policy.decisions["catalog.entity.read"] = decision
        assert await names(client) == expected
        wanted = f"filter=kind=component&orderField=metadata.name&{limit}"
        page = (await client.get(f"{BASE}/entities/by-query?{wanted}")).json()
        found = [one["metadata"]["name"] for one in page["items"]]
        assert found == (expected[:2] if limit == "limit=2" else expected)
        assert page["totalItems"] == len(expected)


async def test_readers_do_not_share_answers(client: Client, policy: Policy) -> None:
    """K261 K263: what one reader was shown is not remembered for another."""
    policy.of_users = {"user:default/us": TEAM, "user:default/them": OTHERS, "user:default/nobody": DENY}
    expected = {"us": OURS, "them": THEIRS, "nobody": []}
    for _ in range(2):
        for user, shown in expected.items():
            client.headers.update(mock_credentials.user.header(f"user:default/{user}"))
            assert await names(client) == shown
            assert await query_page(client) == (shown, len(shown), {})
            assert await facets(client) == counted(*shown)


async def test_ancestry_ends_at_what_may_not_be_read(client: Client, policy: Policy) -> None:
    """K264: the root must be readable; of the rest, what is not is left out with all above it."""

    async def ancestry() -> Any:
        policy.asked.clear()
        response = await client.get(f"{BASE}/entities/by-name/component/default/deep/ancestry")
        assert policy.asked == ["catalog.entity.read"]
        if response.status_code != 200:
            return response.status_code
        return [one["entity"]["metadata"]["name"].partition("-")[0] for one in response.json()["items"]]

    not_nested = catalog_conditional_decision(not_(has_metadata("name", "nested")))
    for decision, expected in [
        (ALLOW, ["deep", "nested", "generated"]),
        (DENY, 403),
        (TEAM, ["deep"]),
        (OTHERS, 403),
        (not_nested, ["deep"]),
        (catalog_conditional_decision(is_entity_kind(["component", "location"])), ["deep", "nested", "generated"]),
    ]:
        policy.decisions["catalog.entity.read"] = decision
        assert await ancestry() == expected
    policy.decisions["catalog.entity.read"] = ALLOW
    assert (await client.get(f"{BASE}/entities/by-name/component/default/nope/ancestry")).status_code == 404


async def test_deleting_wants_permission(client: Client, policy: Policy) -> None:
    """K265: deleting is 403 if denied, and if the conditions do not match; also for what does not exist."""
    uid = (await client.get(WEB)).json()["metadata"]["uid"]
    nobody = "00000000-0000-4000-8000-000000000000"
    for decision, status, of_nothing in [(DENY, 403, 403), (OTHERS, 403, 403), (TEAM, 204, 403), (ALLOW, 204, 204)]:
        policy.decisions["catalog.entity.delete"] = decision
        policy.asked.clear()
        assert (await client.delete(f"{BASE}/entities/by-uid/{nobody}")).status_code == of_nothing
        assert (await client.delete(f"{BASE}/entities/by-uid/{uid}")).status_code == status
        assert policy.asked == ["catalog.entity.delete"] * 2
        if status == 403:
            assert (await client.get(WEB)).status_code == 200
            continue
        policy.decisions.clear()
        await _until_served(client, 3)  # what still leads to it brings it back
        uid = (await client.get(WEB)).json()["metadata"]["uid"]


async def test_refreshing_wants_permission(client: Client, policy: Policy) -> None:
    """K266: refreshing is 403 unless the policy allows it for the entity."""
    for decision, status, of_nothing in [(ALLOW, 200, 404), (DENY, 403, 403), (TEAM, 200, 403), (OTHERS, 403, 403)]:
        policy.decisions["catalog.entity.refresh"] = decision
        response = await client.post(f"{BASE}/refresh", json={"entityRef": "component:default/web"})
        assert response.status_code == status
        response = await client.post(f"{BASE}/refresh", json={"entityRef": "component:default/nope"})
        assert response.status_code == of_nothing


async def test_checking_wants_permission(client: Client, policy: Policy) -> None:
    """K266: validating and analyzing are 403 if denied.

    deviation: upstream says of an entity without an envelope what is wrong with it, before it asks for permission
    """
    entity = {"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": {"name": "a"}}
    valid = {"entity": {**entity, "spec": {"type": "team", "children": []}}, "location": "url:http://x/a.yaml"}
    for path, body, name in [
        ("/validate-entity", valid, "catalog.entity.validate"),
        ("/analyze-location", {"location": {"type": "url", "target": "http://x/a"}}, "catalog.location.analyze"),
    ]:
        policy.asked.clear()
        assert (await client.post(BASE + path, json=body)).status_code == 200
        policy.decisions[name] = DENY
        response = await client.post(BASE + path, json=body)
        assert (response.status_code, response.json()["error"]["name"]) == (403, "NotAllowedError")
        assert policy.asked == [name] * 2


async def test_locations_want_permission(client: Client, policy: Policy) -> None:
    """K267 K268: who may not read locations sees none; creating, changing and deleting are 403 if denied."""
    created = (await client.post(f"{BASE}/locations", json=LOCATION)).json()["location"]
    path = f"{BASE}/locations/{created['id']}"

    async def seen() -> tuple[int, int, int, int, int]:
        listed = (await client.get(f"{BASE}/locations")).json()
        page = (await client.post(f"{BASE}/locations/by-query", json={})).json()
        one = await client.get(path)
        kind, _, name = created["entityRef"].partition(":default/")
        by_entity = await client.get(f"{BASE}/locations/by-entity/{kind}/default/{name}")
        return len(listed), page["totalItems"], len(page["items"]), one.status_code, by_entity.status_code

    async def is_seen() -> bool:
        return await seen() == (1, 1, 1, 200, 200)

    await until(is_seen)
    policy.decisions["catalog.location.read"] = DENY
    assert await seen() == (0, 0, 0, 404, 404)
    assert (await client.get(path)).json()["error"]["message"] == f"Found no location with ID {created['id']}"

    policy.decisions = {"catalog.location.create": DENY}
    other = {"type": "url", "target": "http://x/other.yaml"}
    for response in [
        await client.post(f"{BASE}/locations", json=other),
        await client.post(f"{BASE}/locations?dryRun=true", json=other),
        await client.put(path, json=other),
    ]:
        assert response.status_code == 403
    policy.decisions = {"catalog.location.delete": DENY}
    assert (await client.put(path, json=other)).status_code == 200
    assert (await client.delete(path)).status_code == 403
    policy.decisions.clear()
    assert (await client.delete(path)).status_code == 204


async def test_conditions_are_applied_for_others(client: Client) -> None:
    """K272: another plugin has entities judged by their names; what does not exist is denied."""
    refs = ["component:default/web", "Component:default/Shop", "component:default/nope", "nul\0"]
    kinds = {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["component"]}}
    ours = {"rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": ["group:default/team"]}}
    item = {"resourceType": "catalog-entity", "conditions": {"allOf": [kinds, ours]}}
    items = [{"id": "list", "resourceRef": refs, **item}, {"id": "one", "resourceRef": refs[0], **item}]
    response = await client.post(
        f"{BASE}/.well-known/backstage/permissions/apply-conditions",
        json={"items": items},
        headers=mock_credentials.service.header(),
    )
    assert response.json()["items"] == [
        {"id": "list", "result": ["ALLOW", "DENY", "DENY", "DENY"]},
        {"id": "one", "result": "ALLOW"},
    ]


is_named = create_catalog_permission_rule(
    name="IS_NAMED",
    description="Allow entities of a name",
    params=dict[str, str],
    to_query=lambda params: EntitiesSearchFilter("metadata.name", [params["name"]]),
)


class EmptyFiles(CatalogProcessor):
    """Reads nothing from every address, before others try to, so that registered locations are served."""

    @property
    def priority(self) -> int:
        return 1

    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        return location.type == "url"


@create_backend_module(plugin_id="catalog", module_id="tiers")
def tiers(env: ModuleRegistrationPoints) -> None:
    @env.register_init
    async def init(processing: CatalogProcessing, registry: PermissionsRegistry) -> None:
        processing.add_processor(EmptyFiles())
        registry.add_permission_rules([is_named])


async def test_modules_add_rules(client: Client, policy: Policy) -> None:
    """K273: a policy may name the rules that modules have added, and they are announced."""
    policy.decisions["catalog.entity.read"] = catalog_conditional_decision(condition(is_named, {"name": "Shop"}))
    assert await names(client) == ["shop"]
    metadata = (await client.get(f"{BASE}/.well-known/backstage/permissions/metadata")).json()
    assert "IS_NAMED" in [rule["name"] for rule in metadata["rules"]]


async def test_the_metadata_is_as_recorded(client: Client) -> None:
    """K31 K260: permissions and rules are announced as a stock backend does, with the same schemas."""
    metadata = (await client.get(f"{BASE}/.well-known/backstage/permissions/metadata")).json()
    metadata["rules"] = [rule for rule in metadata["rules"] if rule["name"] != "IS_NAMED"]
    # Those of a module that the stock backend does not have.
    metadata["permissions"] = [one for one in metadata["permissions"] if ".unprocessed." not in one["name"]]
    assert metadata == json.loads((Path(__file__).parent / "data" / "permissions-metadata.json").read_text())

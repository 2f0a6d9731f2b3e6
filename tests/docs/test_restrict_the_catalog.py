"""What the page about restricting the catalog says, compared with the catalog; others try its policy beside Node."""

from pathlib import Path
from typing import Any

import yaml
from tests.support.pages import Block, blocks_of

from understage.catalog import feature as catalog
from understage.catalog_api.permission_rules import catalog_permission_rules
from understage.catalog_api.permissions import catalog_permissions, unprocessed_entities_permissions
from understage.defaults.auth import auth_service_factory
from understage.defaults.http_auth import http_auth_service_factory
from understage.defaults.permissions import permissions_service_factory
from understage.testing import mock_services, start_test_backend

PAGE = Path(__file__).parents[2] / "docs/how-to/restrict-the-catalog.md"
METADATA = "/api/catalog/.well-known/backstage/permissions/metadata"
LOCATION = {"type": "url", "target": "http://localhost/a.yaml"}


def block(name: str) -> Block:
    return next(one for one in blocks_of(PAGE, {}) if one.file_name == name)


def test_everything_is_named() -> None:
    """K260 K269: the page names every permission and every rule."""
    text = PAGE.read_text()
    for one in (*catalog_permissions, *unprocessed_entities_permissions, *catalog_permission_rules):
        assert f"`{one.name}`" in text


def test_the_decision_can_be_made() -> None:
    """K269: the Python of the page makes the decision that its policy makes."""
    scope: dict[str, Any] = {}
    snippet = next(one for one in blocks_of(PAGE, {}) if one.language == "python" and one.file_name is None)
    exec(snippet.text, scope)
    assert (scope["decision"].plugin_id, scope["decision"].resource_type) == ("catalog", "catalog-entity")
    assert [one.rule for one in scope["decision"].conditions.parts] == ["IS_ENTITY_OWNER", "IS_ENTITY_KIND"]


async def test_the_module_adds_its_rule() -> None:
    """K273: the module of the page adds a rule that others learn of."""
    scope: dict[str, Any] = {"__name__": "tiers"}
    exec(compile(block("tiers.py").text, "tiers.py", "exec", dont_inherit=True), scope)
    config = mock_services.root_config.factory(data={})
    async with start_test_backend(features=[catalog, scope["tiers_module"], config]) as backend:
        metadata = (await backend.client.get(METADATA)).json()
    assert [rule["name"] for rule in metadata["rules"]].count("IS_OF_TIER") == 1


async def test_the_service_is_restricted() -> None:
    """K274: the token of the page may read, and nothing else."""
    data = yaml.safe_load(block("app-config.services.yaml").text.replace("${REPORTS_TOKEN}", "reports-token"))
    data["backend"]["baseUrl"] = "http://localhost"
    config = mock_services.root_config.factory(data=data)
    features = [catalog, config, auth_service_factory, http_auth_service_factory, permissions_service_factory]
    headers = {"Authorization": "Bearer reports-token"}
    async with start_test_backend(features=features) as backend:
        assert (await backend.client.get("/api/catalog/entities", headers=headers)).status_code == 200
        refused = await backend.client.post("/api/catalog/locations", json=LOCATION, headers=headers)
    assert refused.status_code == 403

"""Node's permission plugin, with the policy of the how-to, decides what a Python catalog shows."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.neighbour.side_by_side import Side, side_by_side
from tests.support.npm import node_with
from tests.support.pages import blocks_of

pytestmark = pytest.mark.xdist_group("neighbours")

HERE = Path(__file__).parent
NODE_FEATURES = (
    "@backstage/plugin-auth-backend",
    "@backstage/plugin-auth-backend-module-guest-provider",
    "@backstage/plugin-permission-backend",
)
PAGE = HERE.parents[1] / "docs/how-to/restrict-the-catalog.md"
SHARED = """
app:
  baseUrl: http://localhost:{node}
backend:
  baseUrl: http://localhost:{node}
  database: {database}
auth:
  providers:
    guest:
      userEntityRef: user:default/ann
      dangerouslyAllowOutsideDevelopment: true
permission:
  enabled: true
discovery:
  endpoints:
    - target: http://localhost:{node}/api/{{{{pluginId}}}}
      plugins: [auth, permission]
    - target: http://localhost:{python}/api/{{{{pluginId}}}}
      plugins: [catalog]
catalog:
  rules:
    - allow: [Component, Group]
  locations:
    - type: file
      target: {entities}
"""
ENTITIES = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: anns}
spec: {type: service, lifecycle: production, owner: user:Ann}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: others}
spec: {type: service, lifecycle: production, owner: team}
"""


class Installation:
    """Both backends, used by a signed-in guest."""

    def __init__(self, ports: dict[Side, int]) -> None:
        self._node = f"http://localhost:{ports['node']}/api"
        self._catalog = f"http://localhost:{ports['python']}/api/catalog"
        session = httpx2.get(f"{self._node}/auth/guest/refresh", timeout=15)
        self._headers = {"Authorization": f"Bearer {session.json()['backstageIdentity']['token']}"}

    def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return httpx2.request(method, self._catalog + path, json=body, headers=self._headers, timeout=15)

    def names(self) -> list[str]:
        return [one["metadata"]["name"] for one in self.ask("GET", "/entities?order=asc:metadata.name").json()]

    def decide(self, *items: dict[str, Any]) -> list[str]:
        body = {"items": list(items)}
        answer = httpx2.post(f"{self._node}/permission/authorize", json=body, headers=self._headers, timeout=15)
        assert answer.status_code == 200, answer.text
        return [one["result"] for one in answer.json()["items"]]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    node = node_with("@backstage/plugin-permission-backend", HERE)
    folder = tmp_path_factory.mktemp("catalog-policy")
    entities = folder / "entities.yaml"
    entities.write_text(ENTITIES)
    policy = folder / "catalog_policy.cjs"
    policy.write_text(next(block.text for block in blocks_of(PAGE, {}) if block.file_name == policy.name))
    features: dict[Side, Sequence[str]] = {"node": [*NODE_FEATURES, str(policy)], "python": ["understage.catalog"]}
    values = {"entities": entities}
    with side_by_side(SHARED, node=node, folder=folder, features=features, values=values) as ports:
        installation = Installation(ports)
        deadline = time.monotonic() + 30
        while len(installation.names()) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        yield installation


def test_people_see_what_they_own(installation: Installation) -> None:
    """K261 K263 K269 K270: lists, totals and facets show what the policy's conditions let through."""
    assert installation.names() == ["anns", "team"]
    page = installation.ask("GET", "/entities/by-query?filter=kind=component").json()
    assert (page["totalItems"], [one["metadata"]["name"] for one in page["items"]]) == (1, ["anns"])
    facets = installation.ask("GET", "/entity-facets?facet=kind").json()["facets"]
    assert facets == {"kind": [{"value": "Component", "count": 1}, {"value": "Group", "count": 1}]}


@pytest.mark.parametrize(("name", "found", "refreshed"), [("anns", 200, 200), ("others", 404, 403), ("nope", 404, 403)])
def test_single_entities_keep_to_the_conditions(
    installation: Installation, name: str, found: int, refreshed: int
) -> None:
    """K262 K266: what the conditions do not let through is not found, and may not be refreshed."""
    assert installation.ask("GET", f"/entities/by-name/component/default/{name}").status_code == found
    body = {"entityRef": f"component:default/{name}"}
    assert installation.ask("POST", "/refresh", body).status_code == refreshed


def test_what_the_policy_denies(installation: Installation) -> None:
    """K265 K267 K268: a policy's no is 403 for changes, and an empty list for locations."""
    uid = installation.ask("GET", "/entities/by-name/component/default/anns").json()["metadata"]["uid"]
    assert installation.ask("DELETE", f"/entities/by-uid/{uid}").status_code == 403
    assert installation.ask("GET", "/locations").json() == []
    location = {"type": "url", "target": "http://localhost/a.yaml"}
    assert installation.ask("POST", "/locations", location).status_code == 403


def test_the_permission_plugin_has_entities_judged(installation: Installation) -> None:
    """K272: asked about single entities, Node's permission plugin has the Python catalog apply the conditions."""
    read = {
        "type": "resource",
        "name": "catalog.entity.read",
        "attributes": {"action": "read"},
        "resourceType": "catalog-entity",
    }
    names = ("component:default/anns", "component:default/others", "group:default/team", "component:default/nope")
    items = [{"id": name, "permission": read, "resourceRef": name} for name in names]
    assert installation.decide(*items) == ["ALLOW", "DENY", "ALLOW", "DENY"]

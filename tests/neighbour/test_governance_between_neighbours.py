"""Node's permission plugin decides about things of a Python plugin, and each side uses the other's actions."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.neighbour.side_by_side import Side, side_by_side
from tests.support.npm import node_with

pytestmark = pytest.mark.xdist_group("neighbours")
on_both = pytest.mark.parametrize("asker", ["north", "south"])
both_ways = pytest.mark.parametrize(("asker", "asked"), [("north", "south"), ("south", "north")])

HERE = Path(__file__).parent
NODE_FEATURES = (
    "@backstage/plugin-auth-backend",
    "@backstage/plugin-auth-backend-module-guest-provider",
    "@backstage/plugin-permission-backend",
    "./north_policy.cjs",
    "./north_shop.cjs",
)
SHARED = """
app:
  baseUrl: http://localhost:{node}
backend:
  baseUrl: http://localhost:{node}
  database: {database}
  actions:
    pluginSources: [north-shop, south-shop]
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
      plugins: ['*']
    - target: http://localhost:{python}/api/{{{{pluginId}}}}
      plugins: [south-shop]
"""


class Shops:
    """The shops of both backends, used by a signed-in guest."""

    def __init__(self, ports: dict[Side, int]) -> None:
        self._addresses = {
            "north": f"http://localhost:{ports['node']}/api/north-shop",
            "south": f"http://localhost:{ports['python']}/api/south-shop",
        }
        session = httpx2.get(f"http://localhost:{ports['node']}/api/auth/guest/refresh", timeout=15)
        self._headers = {"Authorization": f"Bearer {session.json()['backstageIdentity']['token']}"}

    def get(self, shop: str, path: str) -> httpx2.Response:
        return httpx2.get(self._addresses[shop] + path, headers=self._headers, timeout=15)

    def post(self, shop: str, path: str, body: Any) -> Any:
        answer = httpx2.post(self._addresses[shop] + path, json=body, headers=self._headers, timeout=15)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    node = node_with("@backstage/plugin-permission-backend", HERE)
    folder = tmp_path_factory.mktemp("shops")
    features: dict[Side, Sequence[str]] = {"node": NODE_FEATURES, "python": ["south_shop"]}
    with side_by_side(SHARED, node=node, folder=folder, features=features) as ports:
        yield Shops(ports)


def both(shops: Shops, path: str) -> list[Any]:
    """Returns what both sides answer to a request, without what tells them apart."""
    answers = [(shops.get(side, path), side) for side in ("north", "south")]
    assert [answer.status_code for answer, _ in answers] == [200, 200]
    return [json.loads(answer.text.replace(f"{side}-", "")) for answer, side in answers]


@on_both
@pytest.mark.parametrize("side", ["north", "south"])
def test_one_policy_decides_about_all(shops: Shops, asker: str, side: str) -> None:
    """S80 S83: Node's permission plugin has the conditions applied by the plugin that owns the items, whoever asks."""
    answers = shops.post(asker, "/authorize", {"side": side, "refs": ["ann", "bob", "joe", "absent"]})
    assert answers == ["ALLOW", "DENY", "ALLOW", "DENY"]


@on_both
def test_conditions_are_understood(shops: Shops, asker: str) -> None:
    """S80: both sides read the same conditions off the policy's answer."""
    owned = [{"rule": "IS_OWNER", "resourceType": "south-item", "params": {"owner": name}} for name in ("ann", "bob")]
    assert shops.post(asker, "/conditions", {"side": "south"}) == {"anyOf": [owned[0], {"not": owned[1]}]}


def test_both_announce_the_same(shops: Shops) -> None:
    """S84: the metadata of both sides differ in nothing but the names of their plugins."""
    north, south = both(shops, "/.well-known/backstage/permissions/metadata")
    assert south["permissions"] == north["permissions"]
    for rule in north["rules"]:
        # Node's schema says nothing of other members, and its plugins drop them just as ours do.
        rule["paramsSchema"].setdefault("additionalProperties", False)
    assert south["rules"] == north["rules"]


@on_both
def test_the_actions_of_both_are_listed(shops: Shops, asker: str) -> None:
    """S101 S104: each side lists the actions of both, but not those that the policy hides."""
    actions = shops.post(asker, "/list", {})
    assert [action["id"] for action in actions] == [
        "north-shop:greet",
        "north-shop:unlock",
        "south-shop:greet",
        "south-shop:unlock",
    ]
    [north, _, south, _] = actions
    assert north["attributes"] == south["attributes"] == {"destructive": False, "idempotent": False, "readOnly": True}


def test_both_list_their_actions_alike(shops: Shops) -> None:
    """S101: what the official registry and ours publish of the same actions is the same."""
    north, south = both(shops, "/.backstage/actions/v1/actions")
    assert len(north["actions"]) == 2
    assert south == north


@both_ways
def test_an_action_is_invoked_at_the_neighbour(shops: Shops, asker: str, asked: str) -> None:
    """S102 S104: the neighbour's action sees the user and the plugin that acts for the user."""
    output = shops.post(asker, "/invoke", {"id": f"{asked}-shop:greet", "input": {"name": "Hello"}})
    assert output == {"output": {"text": f"Hello, user:default/ann, plugin:{asker}-shop"}}


@both_ways
def test_secrets_reach_the_neighbour(shops: Shops, asker: str, asked: str) -> None:
    """S103: the second version of the invocation carries secrets both ways."""
    call = {"id": f"{asked}-shop:unlock", "input": {}, "secrets": {"key": "k"}}
    assert shops.post(asker, "/invoke", call) == {"output": {"key": "k"}}


@both_ways
@pytest.mark.parametrize("name", ["secret", "nope"])
def test_what_is_hidden_is_not_found(shops: Shops, asker: str, asked: str, name: str) -> None:
    """S102: an action that the policy hides is as unknown as one that is not there, in the same words."""
    answer = shops.post(asker, "/invoke", {"id": f"{asked}-shop:{name}", "input": {}})
    assert (answer["status"], answer["error"]["message"]) == (404, f'Action "{asked}-shop:{name}" not found')

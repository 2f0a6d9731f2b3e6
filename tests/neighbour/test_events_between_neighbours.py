"""The events service of the official packages at our bus, and requests through a gateway on either side."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.neighbour.side_by_side import Side, side_by_side
from tests.support.npm import node_with

pytestmark = pytest.mark.xdist_group("neighbours")
HERE = Path(__file__).parent
SIDES = ("north", "south")
PROBE = "does anybody hear?"

SHARED = """
app:
  baseUrl: http://localhost:{node}
backend:
  baseUrl: http://localhost:{node}
  database: {database}
discovery:
  endpoints:
    - target: http://localhost:{node}/api/{{{{pluginId}}}}
      plugins: [north-events]
    - target: http://localhost:{python}/api/{{{{pluginId}}}}
      plugins: [events, south-events]
events:
  useEventBus: always
  notifyTimeoutMs: 5000
"""


class Neighbours:
    """Both backends; a plugin is asked at its own one, or at the other one."""

    def __init__(self, ports: dict[Side, int]) -> None:
        self._ports = {"north": ports["node"], "south": ports["python"]}

    def url(self, side: str, path: str, *, at: str = "") -> str:
        return f"http://localhost:{self._ports[at or side]}/api/{side}-events{path}"

    def publish(self, side: str, topic: str, payload: Any, *, at: str = "") -> None:
        body = {"topic": topic, "payload": payload}
        answer = httpx2.post(self.url(side, "/publish", at=at), json=body, timeout=15)
        assert answer.status_code == 200, answer.text

    def heard(self, side: str, *, count: int) -> list[Any]:
        """Returns the events that a side has heard, as soon as there are so many, or after ten seconds."""
        deadline = time.monotonic() + 10
        while True:
            events: list[Any] = httpx2.get(self.url(side, "/heard"), timeout=15).json()
            heard = [event for event in events if event[1] != PROBE]
            if len(heard) >= count or time.monotonic() > deadline:
                return heard
            time.sleep(0.05)

    def connect(self) -> None:
        """Waits until each side hears the other."""
        deadline = time.monotonic() + 20
        for side, other in (SIDES, SIDES[::-1]):
            while not httpx2.get(self.url(side, "/heard"), timeout=15).json():
                assert time.monotonic() < deadline, f"{side} hears nothing"
                self.publish(other, f"for-{side}", PROBE)
                time.sleep(0.1)


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    node = node_with("@backstage/plugin-events-node", HERE)
    folder = tmp_path_factory.mktemp("events")
    features: dict[Side, list[str]] = {
        "python": ["understage.events", "understage.gateway", "south_events"],
        "node": ["./north_events.cjs", "@backstage/plugin-gateway-backend"],
    }
    with side_by_side(SHARED, node=node, folder=folder, features=features) as ports:
        both = Neighbours(ports)
        both.connect()
        yield both


def test_events_cross_between_node_and_python(neighbours: Neighbours) -> None:
    """S130, E1-E4: the official events service publishes, subscribes and reads at our bus, in both directions."""
    neighbours.publish("south", "for-north", {"n": 1})
    neighbours.publish("north", "for-south", {"n": 2, "text": "ü"})
    for number in range(25):
        neighbours.publish("north" if number % 2 else "south", "news", number)
    own = {"north": {"n": 1}, "south": {"n": 2, "text": "ü"}}
    for side in SIDES:
        heard = neighbours.heard(side, count=26)
        assert [payload for topic, payload in heard if topic == f"for-{side}"] == [own[side]]
        assert sorted(payload for topic, payload in heard if topic == "news") == list(range(25)), side


@pytest.mark.parametrize(("side", "at"), [("north", "south"), ("south", "north")])
def test_each_gateway_reaches_the_other_side(neighbours: Neighbours, side: str, at: str) -> None:
    """D20: a plugin is reached through the gateway of the other backend, ours and the official one alike."""
    before = httpx2.get(neighbours.url(side, "/heard", at=at), timeout=15)
    assert (before.status_code, type(before.json())) == (200, list)
    neighbours.publish(side, "nobody-listens", 1, at=at)


@pytest.mark.parametrize("at", SIDES)
def test_each_gateway_ends_a_loop(neighbours: Neighbours, at: str) -> None:
    """D21: the official gateway and ours answer a request that has come too far with the same bytes."""
    other = "south" if at == "north" else "north"
    url = neighbours.url(other, "/heard", at=at)
    answer = httpx2.get(url, headers={"backstage-gateway-hops": "3"}, timeout=15)
    assert answer.status_code == 508
    assert answer.text == '{"error":{"name":"LoopDetectedError","message":"Maximum proxy hop count exceeded (3)"}}'
    assert answer.headers["content-type"] == "application/json; charset=utf-8"

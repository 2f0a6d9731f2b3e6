"""What the stock frontend asks on its pages, answered as a stock backend answered it over the entities of the example.

The requests are those that a browser was seen to make; the answers were recorded of Backstage 1.55.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from tests.clients.conftest import EXAMPLE, FILL_SECONDS, RunningBackend, filled_backend

REQUESTS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "frontend_requests.json").read_text())
FRONTEND = "http://localhost:3000"
CORS = f"""
backend:
  cors:
    origin: {FRONTEND}
    methods: [GET, HEAD, PATCH, POST, PUT, DELETE]
    credentials: true
"""
ENTITIES = "<entities>"
GENERATED = re.compile(r"generated-[0-9a-f]{40}")
pytestmark = pytest.mark.xdist_group("frontend-requests")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    """The example backend, which lets the frontend's origin in."""
    with filled_backend(tmp_path_factory.mktemp("frontend-requests"), CORS) as running:
        yield running


@pytest.fixture(scope="module")
def guest(backend: RunningBackend) -> Iterator[httpx2.Client]:
    """A page of the frontend at which a guest is signed in."""
    token = backend.guest_identity()["token"]
    headers = {"Authorization": f"Bearer {token}", "Origin": FRONTEND}
    with httpx2.Client(base_url=backend.url, headers=headers, timeout=FILL_SECONDS) as client:
        yield client


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: f"{one['page']}: {one['method']} {one['path']}"[:120])
def test_pages_of_the_stock_frontend(guest: httpx2.Client, request_: dict[str, Any]) -> None:
    """K30: what a page of the stock frontend asks for is answered as a stock backend answers it, across origins."""
    path = request_["path"].replace(quote(ENTITIES), quote(str(EXAMPLE / "entities"), safe=""))
    answer = guest.request(request_["method"], path, json=request_.get("body"))
    assert answer.headers["access-control-allow-origin"] == FRONTEND
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert (answer.status_code, comparable(path, answer.json())) == (
        request_["status"],
        comparable(path, request_["answer"]),
    )


def comparable(path: str, answer: Any) -> Any:
    """Returns an answer without what differs from backend to backend, and sorted where nobody asked for an order."""
    if "error" in answer:
        return answer["error"]["name"]
    settled = without_identity(answer)
    entities = settled if isinstance(settled, list) else settled.get("items", [])
    if "order=" not in path and "orderField=" not in path:
        entities.sort(key=lambda entity: json.dumps(entity, sort_keys=True))
    return settled


def without_identity(value: Any) -> Any:
    """Returns JSON without ids, hashes and the folder of the entities."""
    if isinstance(value, dict):
        return {key: without_identity(inner) for key, inner in value.items() if key not in {"uid", "etag"}}
    if isinstance(value, list):
        return [without_identity(inner) for inner in value]
    if isinstance(value, str):
        return GENERATED.sub("generated", value.replace(str(EXAMPLE / "entities"), ENTITIES))
    return value


@pytest.mark.parametrize(
    "path", ["/api/notifications/status", "/api/user-settings/multiget", "/api/search/query?term="]
)
def test_plugins_that_are_not_there(guest: httpx2.Client, path: str) -> None:
    """A page can read that a plugin is missing: it goes on, where an answer that the browser withholds would end it."""
    answer = guest.get(path)
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == FRONTEND

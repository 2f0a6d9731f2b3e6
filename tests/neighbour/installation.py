"""A Node backend and an Understage backend of one installation: plugin `north` lives in Node, `south` in Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from tests.neighbour.side_by_side import Side, side_by_side

USER = "user:default/ann"
STATIC_TOKENS = {"north": "only-for-the-north-plugin", "south": "only-for-the-south-plugin"}
NODE_AUTH = ["@backstage/plugin-auth-backend", "@backstage/plugin-auth-backend-module-guest-provider"]
PYTHON_AUTH = ["understage.auth", "understage.auth_module_guest_provider"]
Json = Any

SHARED = """
app:
  baseUrl: http://localhost:{node}
backend:
  baseUrl: http://localhost:{node}
  database: {database}
  auth:
    externalAccess:
      - type: static
        options: {{token: {north_token}, subject: caller-of-north}}
        accessRestrictions: [{{plugin: north}}]
      - type: static
        options: {{token: {south_token}, subject: caller-of-south}}
        accessRestrictions: [{{plugin: south}}]
auth:
  providers:
    guest:
      userEntityRef: {user}
      dangerouslyAllowOutsideDevelopment: true
discovery:
  endpoints:
    - target: http://localhost:{node}/api/{{{{pluginId}}}}
      plugins: ['*']
    - target: http://localhost:{python}/api/{{{{pluginId}}}}
      plugins: {python_plugins}
"""


@dataclass(frozen=True)
class Installation:
    """Both backends, running.

    Attributes:
        auth_side: where the auth plugin lives.
        addresses: the root of each plugin by its id.
    """

    auth_side: Side
    addresses: dict[str, str]

    def get(self, plugin: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.get(self.addresses[plugin] + path, headers=headers, timeout=15, **options)

    def user_token(self) -> str:
        """Signs the guest in, wherever the auth plugin lives, and returns the user's token."""
        session = self.get("auth", "/guest/refresh")
        assert session.status_code == 200, session.text
        token: str = session.json()["backstageIdentity"]["token"]
        return token


@contextmanager
def running_installation(auth_side: Side, node: str, folder: Path) -> Iterator[Installation]:
    features: dict[Side, list[str]] = {
        "node": ["./north.cjs", *(NODE_AUTH if auth_side == "node" else [])],
        "python": ["south", *(PYTHON_AUTH if auth_side == "python" else [])],
    }
    values = {
        "north_token": STATIC_TOKENS["north"],
        "south_token": STATIC_TOKENS["south"],
        "user": USER,
        "python_plugins": "[south, auth]" if auth_side == "python" else "[south]",
    }
    with side_by_side(SHARED, node=node, folder=folder, features=features, values=values) as ports:
        places: dict[str, Side] = {"north": "node", "south": "python", "auth": auth_side}
        yield Installation(
            auth_side, {plugin: f"http://localhost:{ports[side]}/api/{plugin}" for plugin, side in places.items()}
        )

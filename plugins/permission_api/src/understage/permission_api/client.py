"""A client of the permission plugin, for those who hold a user's token and no credentials."""

from __future__ import annotations

from collections.abc import Sequence

from understage.errors import ResponseError
from understage.plugin_api import DiscoveryService, PermissionRequest, PolicyDecision, RootHttpClientService
from understage.plugin_api.permission_wire import (
    AUTHORIZE_PATH,
    authorize_items,
    decode_authorize_response,
    encode_authorize_request,
)


class PermissionClient:
    """Asks the permission plugin. Plugins ask the core service `Permissions` instead, which knows when not to.

    Args:
        discovery: finds the permission plugin.
        http_client: makes the requests.
    """

    def __init__(self, discovery: DiscoveryService, http_client: RootHttpClientService) -> None:
        self._discovery = discovery
        self._http_client = http_client

    async def authorize(self, requests: Sequence[PermissionRequest], *, token: str) -> Sequence[PolicyDecision]:
        """Returns what the policy decides, in the order of the questions.

        Args:
            requests: the questions.
            token: of whom they are about: a user's, or a plugin's on behalf of a user.

        Raises:
            ResponseError: the permission plugin refuses to answer.
            ServiceUnavailableError: it cannot be reached.
            UnderstageError: its answer is not understood.
        """
        if not requests:
            return []
        url = f"{await self._discovery.get_base_url('permission')}{AUTHORIZE_PATH}"
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        items = authorize_items(requests)
        response = await self._http_client.request("POST", url, headers=headers, body=encode_authorize_request(items))
        if response.status != 200:
            raise ResponseError.from_body("POST", url, response.status, response.reason, response.body)
        return decode_authorize_response(response.body, items)

"""Request headers with the credentials of Azure DevOps, by tokens of Entra ID."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from understage.integration.access_tokens import Clock, TokenHttpClient
from understage.integration.azure import AzureIntegration
from understage.integration.config import AzureCredentialConfig
from understage.integration.entra_tokens import LOGIN_URL, SYSTEM_ASSIGNED, EntraIdentity, EntraTokens
from understage.integration.host_credentials import basic_header

_AZURE_DEVOPS: Final = "499b84ac-1321-427f-aa17-267ca6975798"


class AzureCredentials:
    """Credentials of an Azure DevOps host: the first entry that names the organization, else the first for all.

    Args:
        integration: the integration.
        http: asks for tokens.
        clock: tells the time, in seconds since 1970.
        login_url: the root of the token endpoints.
        env: environment variables; by default the process's.
    """

    def __init__(
        self,
        integration: AzureIntegration,
        http: TokenHttpClient,
        clock: Clock = time.time,
        login_url: str = LOGIN_URL,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._config = integration.config
        self._tokens = EntraTokens(http, clock, login_url, env)

    async def get_headers(self, organization: str) -> Mapping[str, str]:
        """Returns the request headers; none if requests are anonymous.

        Args:
            organization: whose things are asked for.

        Raises:
            ResponseError: the token endpoint refuses.
            ServiceUnavailableError: it cannot be reached.
        """
        entry = self._choose(organization)
        if entry is None:
            return basic_header("", self._config.token) if self._config.token else {}
        if entry.personal_access_token:
            return basic_header("", entry.personal_access_token)
        identity = EntraIdentity(
            client_id=entry.client_id or SYSTEM_ASSIGNED,
            tenant_id=entry.tenant_id,
            client_secret=entry.client_secret,
            managed_identity_client_id=entry.managed_identity_client_id,
        )
        return {"Authorization": f"Bearer {await self._tokens.get(identity, _AZURE_DEVOPS)}"}

    def _choose(self, organization: str) -> AzureCredentialConfig | None:
        wanted = organization.lower()
        entries = self._config.credentials
        named = (item for item in entries if wanted in (name.lower() for name in item.organizations or ()))
        return next(named, None) or next((item for item in entries if item.organizations is None), None)

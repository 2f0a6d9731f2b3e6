"""Request headers with the credentials of Azure DevOps."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from understage.integration.access_tokens import (
    AccessToken,
    AccessTokens,
    Clock,
    OAuthToken,
    TokenHttpClient,
    ask_json,
    ask_oauth_token,
)
from understage.integration.azure import AzureIntegration
from understage.integration.config import AzureCredentialConfig
from understage.integration.host_credentials import basic_header

_AZURE_DEVOPS: Final = "499b84ac-1321-427f-aa17-267ca6975798"
_EXCHANGE: Final = "api://AzureADTokenExchange"
_SYSTEM_ASSIGNED: Final = "system-assigned"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Where a virtual machine asks for tokens of its identities; other services of Azure name theirs in the environment.
_INSTANCE_ENDPOINT: Final = "http://169.254.169.254/metadata/identity/oauth2/token"


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
        login_url: str = "https://login.microsoftonline.com",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._config = integration.config
        self._http = http
        self._clock = clock
        self._login_url = login_url
        self._env = os.environ if env is None else env
        self._tokens = AccessTokens(clock)

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
        key = f"{entry.tenant_id}/{entry.client_id}/{entry.managed_identity_client_id}"
        return {"Authorization": f"Bearer {await self._tokens.get(key, lambda: self._fetch(entry))}"}

    async def _fetch(self, entry: AzureCredentialConfig) -> AccessToken:
        client_id = entry.client_id or _SYSTEM_ASSIGNED
        if entry.tenant_id is None:
            return await self._identity_token(client_id, _AZURE_DEVOPS)
        form = {"grant_type": "client_credentials", "client_id": client_id, "scope": f"{_AZURE_DEVOPS}/.default"}
        if entry.client_secret:
            form["client_secret"] = entry.client_secret
        else:
            identity = entry.managed_identity_client_id or _SYSTEM_ASSIGNED
            assertion = await self._identity_token(identity, _EXCHANGE)
            form |= {"client_assertion_type": _ASSERTION, "client_assertion": assertion.value}
        url = f"{self._login_url}/{entry.tenant_id}/oauth2/v2.0/token"
        return await ask_oauth_token(self._http, url, form, clock=self._clock)

    async def _identity_token(self, client_id: str, resource: str) -> AccessToken:
        """Returns a token of a managed identity of the machine or service that this process runs on."""
        query = {"resource": resource}
        if client_id != _SYSTEM_ASSIGNED:
            query["client_id"] = client_id
        endpoint, secret = self._env.get("IDENTITY_ENDPOINT"), self._env.get("IDENTITY_HEADER")
        if endpoint and secret:
            headers = {"X-IDENTITY-HEADER": secret}
            query = {"api-version": "2019-08-01", **query}
        else:
            endpoint, headers = _INSTANCE_ENDPOINT, {"Metadata": "true"}
            query = {"api-version": "2018-02-01", **query}
        answer = await ask_json(self._http, "GET", f"{endpoint}?{urlencode(query)}", OAuthToken, headers=headers)
        return answer.token(self._clock())

    def _choose(self, organization: str) -> AzureCredentialConfig | None:
        wanted = organization.lower()
        entries = self._config.credentials
        named = (item for item in entries if wanted in (name.lower() for name in item.organizations or ()))
        return next(named, None) or next((item for item in entries if item.organizations is None), None)

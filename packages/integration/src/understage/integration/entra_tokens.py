"""Tokens of Entra ID: for applications, and for identities that Azure gives to what runs in it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
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

LOGIN_URL: Final = "https://login.microsoftonline.com"
SYSTEM_ASSIGNED: Final = "system-assigned"
_EXCHANGE: Final = "api://AzureADTokenExchange"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Where a virtual machine asks for tokens of its identities; other services of Azure name theirs in the environment.
_INSTANCE_ENDPOINT: Final = "http://169.254.169.254/metadata/identity/oauth2/token"


@dataclass(frozen=True, slots=True)
class EntraIdentity:
    """Whose token is wanted.

    Attributes:
        client_id: an application; without a tenant a managed identity, `system-assigned` or its client ID.
        tenant_id: the application's tenant.
        client_secret: the application's secret.
        managed_identity_client_id: a managed identity that stands for the application, instead of a secret.
    """

    client_id: str = SYSTEM_ASSIGNED
    tenant_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    managed_identity_client_id: str | None = None


class EntraTokens:
    """Gets tokens, and keeps them until shortly before their end.

    Args:
        http: asks for them.
        clock: tells the time, in seconds since 1970.
        login_url: the root of the token endpoints.
        env: environment variables; by default the process's.
    """

    def __init__(
        self,
        http: TokenHttpClient,
        clock: Clock = time.time,
        login_url: str = LOGIN_URL,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._http = http
        self._clock = clock
        self._login_url = login_url
        self._env = os.environ if env is None else env
        self._tokens = AccessTokens(clock)

    async def get(self, identity: EntraIdentity, resource: str) -> str:
        """Returns a token.

        Args:
            identity: whose token.
            resource: what it is for.

        Raises:
            ResponseError: the token endpoint refuses.
            ServiceUnavailableError: it cannot be reached.
        """
        key = " ".join(
            str(part)
            for part in (resource, identity.tenant_id, identity.client_id, identity.managed_identity_client_id)
        )
        return await self._tokens.get(key, lambda: self._fetch(identity, resource))

    async def _fetch(self, identity: EntraIdentity, resource: str) -> AccessToken:
        if identity.tenant_id is None:
            return await self._of_managed_identity(identity.client_id, resource)
        form = {
            "grant_type": "client_credentials",
            "client_id": identity.client_id,
            "scope": f"{resource}/.default",
        }
        if identity.client_secret:
            form["client_secret"] = identity.client_secret
        else:
            stand_in = identity.managed_identity_client_id or SYSTEM_ASSIGNED
            assertion = await self._of_managed_identity(stand_in, _EXCHANGE)
            form |= {"client_assertion_type": _ASSERTION, "client_assertion": assertion.value}
        url = f"{self._login_url}/{identity.tenant_id}/oauth2/v2.0/token"
        return await ask_oauth_token(self._http, url, form, clock=self._clock)

    async def _of_managed_identity(self, client_id: str, resource: str) -> AccessToken:
        """Returns a token of a managed identity of the machine or service that this process runs on."""
        query = {"resource": resource}
        if client_id != SYSTEM_ASSIGNED:
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

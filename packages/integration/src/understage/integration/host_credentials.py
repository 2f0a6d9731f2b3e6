"""Request headers with the credentials of the other hosts."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping

from understage.errors import UnsupportedOperationError
from understage.integration.access_tokens import (
    AccessToken,
    AccessTokens,
    Clock,
    TokenHttpClient,
    ask_oauth_token,
    sign_jwt,
)
from understage.integration.azure import AzureIntegration
from understage.integration.bitbucket_cloud import BitbucketCloudIntegration
from understage.integration.config import (
    AzureCredentialConfig,
    BitbucketServerConfig,
    GerritConfig,
    GiteaConfig,
    GoogleGcsConfig,
)

_AZURE_SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"


def basic_header(user: str, password: str) -> Mapping[str, str]:
    """Returns the header of basic authentication."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def bitbucket_server_headers(config: BitbucketServerConfig) -> Mapping[str, str]:
    """Returns the header for a Bitbucket Server host: its token, or user and password; none if there are neither."""
    if config.token:
        return {"Authorization": f"Bearer {config.token}"}
    return basic_header(config.username, config.password) if config.username and config.password else {}


def gitea_headers(config: GiteaConfig) -> Mapping[str, str]:
    """Returns the header for a Gitea host: user and password, or a token; none if there are neither."""
    if not config.password:
        return {}
    if config.username:
        return basic_header(config.username, config.password)
    return {"Authorization": f"token {config.password}"}


def gerrit_headers(config: GerritConfig) -> Mapping[str, str]:
    """Returns the header for a Gerrit host; none without user and password."""
    return basic_header(config.username, config.password) if config.username and config.password else {}


class BitbucketCloudCredentials:
    """Credentials of Bitbucket Cloud: of an OAuth consumer, or of a user.

    Args:
        integration: the integration.
        http: asks for tokens.
        clock: tells the time, in seconds since 1970.
        token_url: the token endpoint.
    """

    def __init__(
        self,
        integration: BitbucketCloudIntegration,
        http: TokenHttpClient,
        clock: Clock = time.time,
        token_url: str = "https://bitbucket.org/site/oauth2/access_token",  # noqa: S107 - an address
    ) -> None:
        self._config = integration.config
        self._http = http
        self._clock = clock
        self._token_url = token_url
        self._tokens = AccessTokens(clock)

    async def get_headers(self) -> Mapping[str, str]:
        """Returns the request headers; none if requests are anonymous.

        Raises:
            ResponseError: the token endpoint refuses.
            ServiceUnavailableError: it cannot be reached.
        """
        config = self._config
        if config.client_id and config.client_secret:
            consumer = basic_header(config.client_id, config.client_secret)

            async def fetch() -> AccessToken:
                form = {"grant_type": "client_credentials"}
                return await ask_oauth_token(self._http, self._token_url, form, headers=consumer, clock=self._clock)

            return {"Authorization": f"Bearer {await self._tokens.get('consumer', fetch)}"}
        password = config.token or config.app_password
        if password and config.username:
            return basic_header(config.username, password)
        return {"Authorization": f"Bearer {config.token}"} if config.token else {}


class AzureCredentials:
    """Credentials of an Azure DevOps host: the first entry that names the organization, else the first for all.

    Args:
        integration: the integration.
        http: asks for tokens.
        clock: tells the time, in seconds since 1970.
        login_url: the root of the token endpoints.
    """

    def __init__(
        self,
        integration: AzureIntegration,
        http: TokenHttpClient,
        clock: Clock = time.time,
        login_url: str = "https://login.microsoftonline.com",
    ) -> None:
        self._config = integration.config
        self._http = http
        self._clock = clock
        self._login_url = login_url
        self._tokens = AccessTokens(clock)

    async def get_headers(self, organization: str) -> Mapping[str, str]:
        """Returns the request headers; none if requests are anonymous.

        Args:
            organization: whose things are asked for.

        Raises:
            UnsupportedOperationError: the credentials are of a kind that is not supported.
            ResponseError: the token endpoint refuses.
            ServiceUnavailableError: it cannot be reached.
        """
        credential = self._choose(organization)
        if credential is None:
            return basic_header("", self._config.token) if self._config.token else {}
        if credential.personal_access_token:
            return basic_header("", credential.personal_access_token)
        client_id, secret, tenant = credential.client_id, credential.client_secret, credential.tenant_id
        if not (client_id and secret and tenant):
            raise UnsupportedOperationError(
                f"integrations.azure: the credentials for '{organization}' on {self._config.host} are a managed"
                " identity, which is not supported; give personalAccessToken, or clientId, clientSecret and tenantId"
            )

        async def fetch() -> AccessToken:
            form = {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": secret,
                "scope": _AZURE_SCOPE,
            }
            url = f"{self._login_url}/{tenant}/oauth2/v2.0/token"
            return await ask_oauth_token(self._http, url, form, clock=self._clock)

        return {"Authorization": f"Bearer {await self._tokens.get(f'{tenant}/{client_id}', fetch)}"}

    def _choose(self, organization: str) -> AzureCredentialConfig | None:
        wanted = organization.lower()
        entries = self._config.credentials
        named = (item for item in entries if wanted in (name.lower() for name in item.organizations or ()))
        return next(named, None) or next((item for item in entries if item.organizations is None), None)


class GoogleCredentials:
    """Credentials of a Google service account.

    Args:
        config: the account.
        http: asks for tokens.
        clock: tells the time, in seconds since 1970.
        token_url: the token endpoint.
    """

    def __init__(
        self,
        config: GoogleGcsConfig,
        http: TokenHttpClient,
        clock: Clock = time.time,
        token_url: str = "https://oauth2.googleapis.com/token",  # noqa: S107 - an address
    ) -> None:
        self._config = config
        self._http = http
        self._clock = clock
        self._token_url = token_url
        self._tokens = AccessTokens(clock)

    async def get_headers(self) -> Mapping[str, str]:
        """Returns the request headers; none if requests are anonymous.

        Raises:
            ResponseError: the token endpoint refuses.
            ServiceUnavailableError: it cannot be reached.
        """
        email, private_key = self._config.client_email, self._config.private_key
        if not (email and private_key):
            return {}

        async def fetch() -> AccessToken:
            now = int(self._clock())
            claims = {
                "iss": email,
                "scope": "https://www.googleapis.com/auth/devstorage.read_only",
                "aud": self._token_url,
                "iat": now,
                "exp": now + 3600,
            }
            assertion = await asyncio.to_thread(sign_jwt, claims, private_key)
            form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
            return await ask_oauth_token(self._http, self._token_url, form, clock=self._clock)

        return {"Authorization": f"Bearer {await self._tokens.get('account', fetch)}"}

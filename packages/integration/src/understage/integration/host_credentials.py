"""Request headers with the credentials of the other hosts."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping

from understage.integration.access_tokens import (
    AccessToken,
    AccessTokens,
    Clock,
    TokenHttpClient,
    ask_oauth_token,
    sign_jwt,
)
from understage.integration.bitbucket_cloud import BitbucketCloudIntegration
from understage.integration.config import (
    BitbucketServerConfig,
    GerritConfig,
    GiteaConfig,
    GoogleGcsConfig,
)


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

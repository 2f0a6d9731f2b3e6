"""Tokens for GitHub: of GitHub Apps where they are installed, else the configured one."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Final

import msgspec

from understage.errors import NotFoundError
from understage.integration.access_tokens import AccessToken, AccessTokens, Clock, TokenHttpClient, ask_json, sign_jwt
from understage.integration.config import GithubAppConfig
from understage.integration.github import GithubIntegration

_INSTALLATIONS_FRESH_SECONDS: Final = 600.0
_PAGE: Final = 100


class _Account(msgspec.Struct):
    login: str = ""


class _Installation(msgspec.Struct):
    id: int
    account: _Account | None = None
    suspended_at: str | None = None


class _InstallationToken(msgspec.Struct):
    token: str
    expires_at: datetime


class GithubCredentials:
    """Finds the token for an owner of repositories.

    Args:
        integration: the GitHub host.
        http: asks for installation tokens.
        clock: tells the time, in seconds since 1970.
    """

    def __init__(self, integration: GithubIntegration, http: TokenHttpClient, clock: Clock = time.time) -> None:
        self._integration = integration
        self._http = http
        self._clock = clock
        self._tokens = AccessTokens(clock)
        self._installations: dict[int | str, tuple[float, list[_Installation]]] = {}

    async def get_token(self, owner: str) -> str | None:
        """Returns a token, or None if requests are anonymous.

        Args:
            owner: a user or organization.

        Raises:
            NotFoundError: an app's installation for the owner is suspended.
            ResponseError: GitHub refuses.
            ServiceUnavailableError: GitHub cannot be reached.
        """
        config = self._integration.config
        for app in config.apps:
            allowed = app.allowed_installation_owners
            if allowed is not None and owner.lower() not in (name.lower() for name in allowed):
                continue
            installation = await self._find_installation(app, owner)
            if installation is not None:
                return await self._installation_token(app, owner, installation)
        if config.token is None:
            for app in config.apps:
                if app.public_access:
                    return await self._public_token(app)
        return config.token

    async def _public_token(self, app: GithubAppConfig) -> str | None:
        installations = await self._list_installations(app)
        active = next((item for item in installations if not item.suspended_at), None)
        return None if active is None else await self._installation_token(app, "*", active)

    async def _installation_token(self, app: GithubAppConfig, owner: str, installation: _Installation) -> str:
        if installation.suspended_at:
            raise NotFoundError(f"The installation of GitHub App {app.app_id} for '{owner}' is suspended")
        number = installation.id

        async def fetch() -> AccessToken:
            url = f"{self._integration.api_base_url}/app/installations/{number}/access_tokens"
            headers = await self._app_headers(app)
            answer = await ask_json(self._http, "POST", url, _InstallationToken, headers=headers)
            return AccessToken(answer.token, answer.expires_at.timestamp())

        return await self._tokens.get(f"{app.app_id}/{number}", fetch)

    async def _find_installation(self, app: GithubAppConfig, owner: str) -> _Installation | None:
        for installation in await self._list_installations(app):
            if installation.account is not None and installation.account.login.lower() == owner.lower():
                return installation
        return None

    async def _list_installations(self, app: GithubAppConfig) -> list[_Installation]:
        known = self._installations.get(app.app_id)
        if known is not None and 0 <= self._clock() - known[0] < _INSTALLATIONS_FRESH_SECONDS:
            return known[1]
        found: list[_Installation] = []
        headers = await self._app_headers(app)
        page = 1
        while True:
            url = f"{self._integration.api_base_url}/app/installations?per_page={_PAGE}&page={page}"
            answer = await ask_json(self._http, "GET", url, list[_Installation], headers=headers)
            found.extend(answer)
            if len(answer) < _PAGE:
                break
            page += 1
        self._installations[app.app_id] = (self._clock(), found)
        return found

    async def _app_headers(self, app: GithubAppConfig) -> dict[str, str]:
        now = int(self._clock())
        # Issued a minute ago, since GitHub refuses tokens of clocks that are ahead of its own.
        claims = {"iat": now - 60, "exp": now + 540, "iss": str(app.app_id)}
        token = await asyncio.to_thread(sign_jwt, claims, app.private_key)
        return {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}

"""Logins at databases of clouds: instead of a password, a token that counts for a while."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from understage.defaults.database.settings import CloudLogin, EntraLogin, PostgresSettings, RdsLogin
from understage.errors import UnsupportedOperationError
from understage.integration.access_tokens import Clock, TokenHttpClient

RDS_SECONDS: Final = 900
_AZURE_DATABASES: Final = "https://ossrdbms-aad.database.windows.net"

PasswordSource: TypeAlias = Callable[[], Awaitable[str | None]]


def password_source(
    settings: PostgresSettings, http: TokenHttpClient | None, clock: Clock = time.time
) -> PasswordSource:
    """Returns what is asked for the password whenever a connection is opened.

    Args:
        settings: of the connection.
        http: asks for tokens; only cloud logins need it.
        clock: tells the time, in seconds since 1970.

    Raises:
        UnsupportedOperationError: a cloud login is configured, and there is no HTTP client.
    """
    if settings.login is None:
        return _fixed(settings.password)
    if http is None:
        raise UnsupportedOperationError(f"{settings.title()} needs an HTTP client to log in")
    return _of_cloud(settings, settings.login, http, clock)


def _fixed(password: str | None) -> PasswordSource:
    async def get() -> str | None:
        return password

    return get


def _of_cloud(settings: PostgresSettings, login: CloudLogin, http: TokenHttpClient, clock: Clock) -> PasswordSource:
    if isinstance(login, RdsLogin):
        return _rds(settings, login, http, clock)
    return _entra(login, http, clock)


def _rds(settings: PostgresSettings, login: RdsLogin, http: TokenHttpClient, clock: Clock) -> PasswordSource:
    from understage.integration.aws_credentials import AwsCredentials
    from understage.integration.aws_signature import presign_get
    from understage.integration.config import AwsS3Config

    credentials = AwsCredentials(AwsS3Config(region=login.region), http, clock)

    async def get() -> str:
        keys = await credentials.get_keys()
        if keys is None:
            raise UnsupportedOperationError(
                f"{settings.title()}: there are no keys to log in with; set AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY, or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN"
            )
        query = {"Action": "connect", "DBUser": settings.user or ""}
        host = f"{settings.host}:{settings.port}"
        now = datetime.fromtimestamp(clock(), UTC)
        return presign_get(host, query, keys, login.region, now, service="rds-db", seconds=RDS_SECONDS)

    return get


def _entra(login: EntraLogin, http: TokenHttpClient, clock: Clock) -> PasswordSource:
    from understage.integration.entra_tokens import SYSTEM_ASSIGNED, EntraIdentity, EntraTokens

    tokens = EntraTokens(http, clock)
    identity = EntraIdentity(login.client_id or SYSTEM_ASSIGNED, login.tenant_id, login.client_secret)

    async def get() -> str:
        return await tokens.get(identity, _AZURE_DATABASES)

    return get

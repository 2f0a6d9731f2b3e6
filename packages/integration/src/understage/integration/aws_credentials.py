"""Keys for S3: configured ones, those of the environment, and those of a role that is taken on with them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import msgspec

from understage.errors import ResponseError, ServiceUnavailableError, UnsupportedOperationError
from understage.integration.access_tokens import MARGIN_SECONDS, Clock, TokenHttpClient, ask_json
from understage.integration.aws_signature import AwsKeys, sign_get
from understage.integration.config import AwsS3Config

_NAMESPACE: Final = "{https://sts.amazonaws.com/doc/2011-06-15/}"
_VERSION: Final = "2011-06-15"
_SESSION: Final = "understage-url-reader"
_CONTAINER_ENDPOINT: Final = "http://169.254.170.2"
_CONTAINER_PROOF: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"


@dataclass(frozen=True, slots=True)
class _Session:
    keys: AwsKeys
    expires_at: float


class _ContainerKeys(msgspec.Struct, rename="pascal"):
    access_key_id: str
    secret_access_key: str
    token: str
    expiration: datetime


class AwsCredentials:
    """The keys of an S3 store; those of a role are kept until shortly before their end.

    Without configured keys the environment's count: `AWS_ACCESS_KEY_ID` and its companions, or the identity that
    `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN` name, or what `AWS_CONTAINER_CREDENTIALS_FULL_URI` and its
    companions lead to; Kubernetes and ECS on AWS set them. At other stores than Amazon's the environment's keys only
    count for taking on a role.

    Args:
        config: the store's entry.
        http: asks for the keys of roles.
        clock: tells the time, in seconds since 1970.
        env: environment variables; by default the process's.
    """

    def __init__(
        self,
        config: AwsS3Config,
        http: TokenHttpClient,
        clock: Clock = time.time,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._config = config
        self._http = http
        self._clock = clock
        self._env = os.environ if env is None else env
        self._sessions: dict[str, _Session] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get_keys(self) -> AwsKeys | None:
        """Returns the keys, or None if requests are anonymous.

        Raises:
            UnsupportedOperationError: a role is to be taken on, but there are no keys to do it with.
            ResponseError: the role is refused.
            ServiceUnavailableError: nobody answers who could hand out its keys.
        """
        config = self._config
        if config.role_arn is None:
            return await self._own_keys(anywhere=config.endpoint is None)
        keys = await self._own_keys(anywhere=True)
        if keys is None:
            raise UnsupportedOperationError(
                f"integrations.awsS3: there are no keys to take on {config.role_arn} with; give accessKeyId and"
                " secretAccessKey, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_WEB_IDENTITY_TOKEN_FILE"
                " and AWS_ROLE_ARN"
            )
        return await self._session(config.role_arn, lambda: self._assume(str(config.role_arn), keys))

    async def _own_keys(self, *, anywhere: bool) -> AwsKeys | None:
        config, env = self._config, self._env
        if config.access_key_id and config.secret_access_key:
            return AwsKeys(config.access_key_id, config.secret_access_key)
        if not anywhere:
            return None
        key, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
        if key and secret:
            return AwsKeys(key, secret, env.get("AWS_SESSION_TOKEN") or None)
        file, role = env.get("AWS_WEB_IDENTITY_TOKEN_FILE"), env.get("AWS_ROLE_ARN")
        if file and role:
            return await self._session(f"{file} {role}", lambda: self._assume_with_file(file, role))
        relative, full = (
            env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        )
        address = f"{_CONTAINER_ENDPOINT}{relative}" if relative else full
        return await self._session(address, lambda: self._of_container(address)) if address else None

    async def _session(self, key: str, fetch: Callable[[], Awaitable[_Session]]) -> AwsKeys:
        async with self._locks.setdefault(key, asyncio.Lock()):
            session = self._sessions.get(key)
            if session is None or session.expires_at - MARGIN_SECONDS <= self._clock():
                session = self._sessions[key] = await fetch()
            return session.keys

    async def _assume(self, role: str, keys: AwsKeys) -> _Session:
        query = {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": _SESSION, "Version": _VERSION}
        if self._config.external_id:
            query["ExternalId"] = self._config.external_id
        endpoint, region = self._endpoint()
        # Names and values have to be written as the signature takes them.
        url = f"{endpoint}/?{urlencode(sorted(query.items()), quote_via=quote, safe='~')}"
        signature = sign_get(url, keys, region, datetime.fromtimestamp(self._clock(), UTC), service="sts")
        return await self._ask("GET", url, endpoint, headers=signature)

    async def _assume_with_file(self, file: str, role: str) -> _Session:
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "RoleArn": role,
            "RoleSessionName": self._env.get("AWS_ROLE_SESSION_NAME") or _SESSION,
            "Version": _VERSION,
            "WebIdentityToken": (await asyncio.to_thread(_read, "AWS_WEB_IDENTITY_TOKEN_FILE", file)).strip(),
        }
        endpoint, _ = self._endpoint()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", f"{endpoint}/", endpoint, headers=headers, body=urlencode(form).encode())

    async def _of_container(self, address: str) -> _Session:
        token, file = self._env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"), self._env.get(_CONTAINER_PROOF)
        if file:
            token = (await asyncio.to_thread(_read, _CONTAINER_PROOF, file)).strip()
        headers = {"Authorization": token} if token else {}
        found = await ask_json(self._http, "GET", address, _ContainerKeys, headers=headers)
        keys = AwsKeys(found.access_key_id, found.secret_access_key, found.token)
        return _Session(keys, found.expiration.timestamp())

    async def _ask(
        self, method: str, url: str, shown: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> _Session:
        response = await self._http.request(method, url, headers=headers, body=body)
        if not 200 <= response.status < 300:
            raise ResponseError.from_body(method, shown, response.status, response.reason, response.body)
        try:
            # The answer is of the configured service, small, and expat refuses entities that grow.
            return _parse(ElementTree.fromstring(response.body))  # noqa: S314 - expat bounds what it expands
        except (ElementTree.ParseError, ValueError) as error:
            raise ServiceUnavailableError(f"{method} {shown} was not answered as expected") from error

    def _endpoint(self) -> tuple[str, str]:
        """Returns the address of the service that hands out keys of roles, and its region."""
        env = self._env
        region = self._config.region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        named = env.get("AWS_ENDPOINT_URL_STS")
        return named.rstrip("/") if named else f"https://sts.{region}.{domain}", region


def _parse(answer: ElementTree.Element) -> _Session:
    texts = [
        answer.findtext(f".//{_NAMESPACE}Credentials/{_NAMESPACE}{name}") or ""
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    ]
    key, secret, token, end = texts
    if not all(texts):
        raise ValueError("a part is missing")
    return _Session(AwsKeys(key, secret, token), datetime.fromisoformat(end).timestamp())


def _read(variable: str, file: str) -> str:
    try:
        return Path(file).read_text()
    except OSError as error:
        raise ServiceUnavailableError(f"{variable} {file} cannot be read", error) from error

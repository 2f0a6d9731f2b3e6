"""What is known of a user: from the token, or from the auth plugin, asked at most every five seconds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from understage.defaults.auth.tokens import parse_token
from understage.errors import InputError, ResponseError, UnderstageError
from understage.plugin_api import (
    Credentials,
    DiscoveryService,
    Principal,
    RootHttpClientService,
    UserInfo,
    is_user,
)
from understage.plugin_api.credentials import token_of

FRESH_SECONDS = 5.0
MAX_REMEMBERED = 1000


class DefaultUserInfo:
    """Tells a user's ownership refs. Concurrent callers with one token share one request."""

    def __init__(
        self,
        discovery: DiscoveryService,
        http_client: RootHttpClientService,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts with nothing known.

        Args:
            discovery: finds the auth plugin.
            http_client: asks it.
            clock: tells the time, in seconds since any moment.
        """
        self._discovery = discovery
        self._http_client = http_client
        self._clock = clock
        self._fresh: OrderedDict[str, tuple[float, UserInfo]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[UserInfo]] = {}

    async def get_user_info(self, credentials: Credentials[Principal]) -> UserInfo:
        """Returns a user's ownership refs.

        Args:
            credentials: a user's credentials.

        Raises:
            InputError: the credentials are no user's.
            ResponseError: the auth plugin refuses to tell.
            ServiceUnavailableError: the auth plugin cannot be reached.
        """
        token = token_of(credentials)
        if not is_user(credentials) or token is None:
            raise InputError(f"User info is for users only, not for '{credentials.principal.type}' credentials")
        user_entity_ref = credentials.principal.user_entity_ref
        claimed = _claimed_ownership(token)
        if claimed is not None:
            return UserInfo(user_entity_ref, claimed)
        fresh = self._fresh.get(token)
        if fresh is not None and self._clock() - fresh[0] < FRESH_SECONDS:
            return fresh[1]
        # Shielded: others may be waiting for the same answer when this caller goes away.
        return await asyncio.shield(self._start_asking(user_entity_ref, token))

    def _start_asking(self, user_entity_ref: str, token: str) -> asyncio.Task[UserInfo]:
        task = self._asking.get(token)
        if task is None:
            task = self._asking[token] = asyncio.create_task(self._ask(user_entity_ref, token))
            task.add_done_callback(lambda done: self._finish_asking(token, done))
        return task

    def _finish_asking(self, token: str, task: asyncio.Task[UserInfo]) -> None:
        del self._asking[token]
        if not task.cancelled():
            task.exception()  # every caller may be gone; an exception that nobody looked at would be complained of

    async def _ask(self, user_entity_ref: str, token: str) -> UserInfo:
        url = f"{await self._discovery.get_base_url('auth')}/v1/userinfo"
        response = await self._http_client.request("GET", url, headers={"authorization": f"Bearer {token}"})
        if response.status != 200:
            raise ResponseError.from_body("GET", url, response.status, response.reason, response.body)
        info = UserInfo(user_entity_ref, _ownership_of_answer(response.json))
        self._fresh[token] = (self._clock(), info)
        self._fresh.move_to_end(token)
        if len(self._fresh) > MAX_REMEMBERED:
            self._fresh.popitem(last=False)
        return info


def _claimed_ownership(token: str) -> Sequence[str] | None:
    parsed = parse_token(token)
    refs = None if parsed is None else _texts(parsed.claims.get("ent"))
    return None if refs is None else tuple(refs)


def _ownership_of_answer(read: Callable[[], Any]) -> Sequence[str]:
    try:
        claims = read()["claims"]
        refs = _texts(claims["ent"])
    except (ValueError, KeyError, TypeError, RecursionError):
        refs = None
    if refs is None:
        raise UnderstageError("The auth plugin's user info is not understood: 'claims.ent' is no list of texts")
    return refs


def _texts(value: object) -> Sequence[str] | None:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None

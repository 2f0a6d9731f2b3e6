"""Key sets of others: read over HTTP, kept, and read again when a token names a key that is not there yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from understage.defaults.auth.signatures import PublicKey, import_public_key, load_cryptography
from understage.defaults.auth.tokens import UnverifiedToken
from understage.errors import ServiceUnavailableError
from understage.plugin_api import LoggerService, RootHttpClientService

MIN_READ_INTERVAL_SECONDS = 1.0
MAX_AGE_SECONDS = 3600.0
CLOCK_MARGIN_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 10.0
MAX_KEY_SETS = 1000

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class KeySetMissingError(Exception):
    """There is no key set at an address: whoever answered has none."""


class KeySetUnavailableError(Exception):
    """A key set could not be read for now."""


class RemoteKeySet:
    """The keys at one address.

    They are read when they are first needed, again when a token names an unknown key and was issued after the last
    reading, and in the background when they are an hour old. Concurrent callers share one reading, and readings are
    at least a second apart: who comes in between waits for the next one, or gets the last failure again. When the clock
    turns out to have been set back, keys are read again, and nobody waits for that time to come once more.
    """

    def __init__(
        self,
        url: str,
        http_client: RootHttpClientService,
        logger: LoggerService,
        *,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._url = url
        self._http_client = http_client
        self._logger = logger
        self._clock = clock
        self._sleep = sleep
        self._keys: list[PublicKey] = []
        self._read_at: float | None = None
        self._tried_at = float("-inf")
        self._failure: Exception | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_idle_and_empty(self) -> bool:
        """Whether nothing was read so far and nobody is waiting for it."""
        return self._read_at is None and self._reading is None

    async def keys_for(self, token: UnverifiedToken) -> list[PublicKey]:
        """Returns the keys that may have signed a token: the one that it names, or all if it names none.

        Raises:
            KeySetMissingError: there is no key set at the address.
            KeySetUnavailableError: it is needed and cannot be read for now.
        """
        if self._read_at is None:
            await self._read_shared()
        elif not 0 <= self._clock() - self._read_at <= MAX_AGE_SECONDS and self._may_read_now():
            self._start_reading()
        keys = self._candidates(token)
        if not keys and self._may_be_newer(token):
            await self._read_shared()
            keys = self._candidates(token)
        return keys

    def _candidates(self, token: UnverifiedToken) -> list[PublicKey]:
        if token.key_id is None:
            return self._keys
        return [key for key in self._keys if key.key_id == token.key_id]

    def _may_be_newer(self, token: UnverifiedToken) -> bool:
        issued_at = token.claims.get("iat")
        if not isinstance(issued_at, int | float) or self._read_at is None or self._clock() < self._read_at:
            return True
        return issued_at >= self._read_at - CLOCK_MARGIN_SECONDS

    def _may_read_now(self) -> bool:
        return not 0 <= self._clock() - self._tried_at < MIN_READ_INTERVAL_SECONDS

    async def _read_shared(self) -> None:
        if self._reading is None and self._failure is not None and not self._may_read_now():
            raise type(self._failure)(*self._failure.args)
        # Shielded: others may be waiting for the same reading when this caller goes away.
        await asyncio.shield(self._start_reading())

    def _start_reading(self) -> asyncio.Task[None]:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._finish_reading)
        return self._reading

    def _finish_reading(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        if not reading.cancelled() and (error := reading.exception()) is not None:
            self._logger.warning("Failed to read a key set", url=self._url, error=error)

    async def _read(self) -> None:
        passed = self._clock() - self._tried_at
        if 0 <= passed < MIN_READ_INTERVAL_SECONDS:
            await self._sleep(MIN_READ_INTERVAL_SECONDS - passed)
        started_at = self._tried_at = self._clock()
        try:
            self._keys = await self._request()
        except (KeySetMissingError, KeySetUnavailableError) as error:
            self._failure = error
            raise
        self._failure = None
        self._read_at = started_at

    async def _request(self) -> list[PublicKey]:
        await load_cryptography()
        try:
            response = await self._http_client.request("GET", self._url, timeout_seconds=READ_TIMEOUT_SECONDS)
        except ServiceUnavailableError as error:
            raise KeySetUnavailableError(str(error)) from error
        if response.status >= 500 or response.status in (408, 429):
            raise KeySetUnavailableError(f"{self._url} answered with status {response.status}")
        if response.status != 200:
            raise KeySetMissingError(f"{self._url} answered with status {response.status}")
        keys = _parse_keys(response.body)
        if keys is None:
            raise KeySetMissingError(f"the answer of {self._url} is no key set")
        return keys


def _parse_keys(body: bytes) -> list[PublicKey] | None:
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return None
    imported = (import_public_key(jwk) for jwk in listed if isinstance(jwk, dict))
    return [key for key in imported if key is not None]


class KeySets:
    """The key sets of a backend by address, shared by its plugins."""

    def __init__(
        self,
        http_client: RootHttpClientService,
        logger: LoggerService,
        *,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._http_client = http_client
        self._logger = logger
        self._clock = clock
        self._sleep = sleep
        self._by_url: dict[str, RemoteKeySet] = {}

    def at(self, url: str) -> RemoteKeySet:
        """Returns the key set at an address.

        Args:
            url: the absolute address of the JSON document.
        """
        found = self._by_url.get(url)
        if found is None:
            if len(self._by_url) >= MAX_KEY_SETS:
                # Forged tokens can name any number of issuers that do not exist.
                self._by_url = {at: keys for at, keys in self._by_url.items() if not keys.is_idle_and_empty}
            found = self._by_url[url] = RemoteKeySet(
                url, self._http_client, self._logger, clock=self._clock, sleep=self._sleep
            )
        return found

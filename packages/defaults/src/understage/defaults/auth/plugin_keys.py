"""The keys that a plugin signs its own tokens with."""

import asyncio
import uuid
from typing import Any, Protocol

from understage.defaults.auth.key_sets import Clock
from understage.defaults.auth.key_store import KeyStore, StoredKey
from understage.defaults.auth.signatures import SigningKey, generate_signing_key, load_cryptography
from understage.plugin_api import LoggerService

KEY_SIGNS_SECONDS = 3600
KEY_LISTED_SECONDS = 3 * 3600
# A token lives for up to an hour; a key must stay listed for as long as any token that it signed.
KEY_MAY_SIGN_SECONDS = KEY_LISTED_SECONDS - 3600
# Expired keys stay in the store for so much longer: a replica whose clock is ahead must not delete those of the others.
KEY_KEPT_SECONDS = 24 * 3600
RETRY_SECONDS = 10


class PluginKeySource(Protocol):
    """Provides the keys of a plugin."""

    async def signing_key(self) -> SigningKey:
        """Returns the key to sign with now; its public part is listed already."""
        ...

    async def public_keys(self) -> list[dict[str, Any]]:
        """Returns the public keys of all replicas as JWKs."""
        ...


class RotatingKeySource:
    """Makes a new ES256 pair every hour. Private keys never leave the memory of this process.

    A public key is stored before its private key signs for the first time, and listed for three hours. While the
    store is down, the present key goes on signing for as long as its tokens can be verified.
    """

    def __init__(self, store: KeyStore, logger: LoggerService, clock: Clock) -> None:
        self._store = store
        self._logger = logger
        self._clock = clock
        self._key: SigningKey | None = None
        self._made_at = 0.0
        self._retry_at = 0.0
        self._making: asyncio.Task[SigningKey] | None = None
        self._cleaning: asyncio.Task[None] | None = None

    async def signing_key(self) -> SigningKey:
        """Returns the key to sign with now, after making and storing a new one if the present one is an hour old.

        Raises:
            ServiceUnavailableError: there is no usable key, and the database cannot be reached.
        """
        now = self._clock()
        present = self._key
        if present is not None and now < self._made_at + KEY_SIGNS_SECONDS:
            return present
        usable = present is not None and now < self._made_at + KEY_MAY_SIGN_SECONDS
        if present is not None and usable and now < self._retry_at:
            return present
        try:
            # Shielded: others may be waiting for the same key when this caller goes away.
            return await asyncio.shield(self._start_making())
        except Exception as error:
            if present is None or not usable:
                raise
            # Whatever kept the new key from being stored, the present one is still good.
            self._retry_at = now + RETRY_SECONDS
            self._logger.warning("Failed to store a new key for plugin tokens; the present one stays", error=error)
            return present

    async def public_keys(self) -> list[dict[str, Any]]:
        """Returns the keys of all replicas that have not expired."""
        now = self._clock()
        stored = await self._store.list_keys()
        listed = [key.jwk for key in stored if key.expires_at > now]
        forgotten = now - KEY_KEPT_SECONDS
        if self._cleaning is None and any(key.expires_at <= forgotten for key in stored):
            self._cleaning = asyncio.create_task(self._store.delete_expired(forgotten))
            self._cleaning.add_done_callback(self._finish_cleaning)
        return listed

    def _start_making(self) -> asyncio.Task[SigningKey]:
        if self._making is None:
            self._making = asyncio.create_task(self._make())
            self._making.add_done_callback(self._finish_making)
        return self._making

    async def _make(self) -> SigningKey:
        await load_cryptography()
        made_at = self._clock()
        key = generate_signing_key(str(uuid.uuid4()))
        await self._store.add(StoredKey(key.key_id, key.public_jwk(), int(made_at) + KEY_LISTED_SECONDS))
        self._key, self._made_at = key, made_at
        return key

    def _finish_making(self, making: asyncio.Task[SigningKey]) -> None:
        self._making = None
        if not making.cancelled():
            making.exception()  # every caller may be gone; an exception that nobody looked at would be complained of

    def _finish_cleaning(self, cleaning: asyncio.Task[None]) -> None:
        self._cleaning = None
        if not cleaning.cancelled() and (error := cleaning.exception()) is not None:
            self._logger.warning("Failed to delete expired keys of plugin tokens", error=error)

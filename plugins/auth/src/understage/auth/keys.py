"""Key stores: the key that signs now, and the public keys that verify."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from understage.auth.signing import JWK, SigningKey, generate_signing_key

LIFETIMES_LISTED = 3
# Keys stay so much longer where replicas put them: one whose clock is ahead must not drop those of the others.
KEPT_MILLISECONDS = 24 * 3600 * 1000


class KeyStore(Protocol):
    """Where the keys of user tokens come from."""

    async def current_key(self) -> SigningKey:
        """Returns the key to sign with now."""
        ...

    async def public_keys(self) -> Sequence[JWK]:
        """Returns the public keys of all tokens that may still be alive."""
        ...


class PublishedKeys(Protocol):
    """Where replicas put their public keys. Times are milliseconds since 1970."""

    async def publish(self, kid: str, jwk: str, *, created_at: int, drop_before: int) -> None:
        """Adds a public key and drops those made before a time."""
        ...

    async def published_since(self, created_at: int) -> Sequence[str]:
        """Returns the public keys made since a time, as JSON, oldest first."""
        ...


class MemoryPublishedKeys:
    """Public keys of this process alone; they are gone with it, and so is everybody's sign-in."""

    def __init__(self) -> None:
        self._keys: list[tuple[int, str]] = []

    async def publish(self, kid: str, jwk: str, *, created_at: int, drop_before: int) -> None:
        """Adds a public key and drops those made before a time."""
        self._keys = [item for item in self._keys if item[0] >= drop_before] + [(created_at, jwk)]

    async def published_since(self, created_at: int) -> Sequence[str]:
        """Returns the public keys made since a time, as JSON, oldest first."""
        return [jwk for made_at, jwk in self._keys if made_at >= created_at]


class RotatingKeyStore:
    """Makes a new key once per token lifetime and lists its public half for three; private keys stay in the process.

    Args:
        published: where replicas put their public keys.
        algorithm: what new keys sign with.
        lifetime: how long tokens live.
        clock: tells the time in seconds since 1970.
    """

    def __init__(
        self, published: PublishedKeys, *, algorithm: str, lifetime: timedelta, clock: Callable[[], float] = time.time
    ) -> None:
        self._published = published
        self._algorithm = algorithm
        self._lifetime = lifetime.total_seconds()
        self._clock = clock
        self._key: SigningKey | None = None
        self._renew_at = 0.0
        self._generation: asyncio.Task[SigningKey] | None = None

    async def current_key(self) -> SigningKey:
        """Returns the key to sign with now, making and publishing it first if it is time; callers share that work."""
        if self._key is not None and self._clock() < self._renew_at:
            return self._key
        if self._generation is None:
            self._generation = asyncio.create_task(self._generate(), name="auth signing key")
            self._generation.add_done_callback(self._forget_generation)
        return await asyncio.shield(self._generation)

    async def public_keys(self) -> Sequence[JWK]:
        """Returns the public keys of all replicas that are at most three token lifetimes old."""
        published = await self._published.published_since(self._oldest_listed())
        return [msgspec.json.decode(jwk) for jwk in published]

    async def _generate(self) -> SigningKey:
        key = await asyncio.to_thread(generate_signing_key, self._algorithm)
        now = self._clock()
        # Published before it is used: no token may exist that another plugin cannot verify.
        await self._published.publish(
            key.kid,
            msgspec.json.encode(key.public_jwk).decode(),
            created_at=int(now * 1000),
            drop_before=self._oldest_listed() - KEPT_MILLISECONDS,
        )
        self._key, self._renew_at = key, now + self._lifetime
        return key

    def _forget_generation(self, generation: asyncio.Task[SigningKey]) -> None:
        self._generation = None
        if not generation.cancelled():
            # Read, so that a failure whose callers have all gone away is not reported; the next caller tries again.
            generation.exception()

    def _oldest_listed(self) -> int:
        return int((self._clock() - LIFETIMES_LISTED * self._lifetime) * 1000)

"""The rotating key store."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from understage.auth import keys as keys_module
from understage.auth.keys import MemoryPublishedKeys, RotatingKeyStore
from understage.auth.signing import SigningKey, generate_signing_key
from understage.errors import ServiceUnavailableError

HOUR = 3600


def make_store(published: Any, clock: Any, algorithm: str = "ES256") -> RotatingKeyStore:
    return RotatingKeyStore(published, algorithm=algorithm, lifetime=timedelta(hours=1), clock=clock)


def kids(jwks: Sequence[dict[str, Any]]) -> list[str]:
    return [jwk["kid"] for jwk in jwks]


async def test_a_key_signs_for_one_token_lifetime(keys: RotatingKeyStore, clock: Any) -> None:
    """P12: the same key signs until a token lifetime has passed; then a new one does."""
    first = await keys.current_key()
    clock.now += HOUR - 1
    assert await keys.current_key() is first
    clock.now += 1
    second = await keys.current_key()
    assert second.kid != first.kid


async def test_a_public_key_is_listed_for_three_token_lifetimes(keys: RotatingKeyStore, clock: Any) -> None:
    """P12: a key is listed for three token lifetimes and no longer."""
    first = await keys.current_key()
    clock.now += 3 * HOUR
    assert kids(await keys.public_keys()) == [first.kid]
    clock.now += 1
    assert await keys.public_keys() == []


async def test_replicas_list_each_other_s_keys(clock: Any) -> None:
    """P12: each replica signs with its own key, and each lists all of them."""
    table = MemoryPublishedKeys()
    one, two = make_store(table, clock), make_store(table, clock)
    made = [(await one.current_key()).kid, (await two.current_key()).kid]
    assert len(set(made)) == 2
    assert kids(await one.public_keys()) == kids(await two.public_keys()) == made


async def test_a_new_key_drops_those_without_living_tokens(clock: Any) -> None:
    """P12: keys older than three token lifetimes and a day are deleted when a new one is made."""
    table = MemoryPublishedKeys()
    store = make_store(table, clock)
    await store.current_key()
    clock.now += 27 * HOUR + 1
    kept = await store.current_key()
    assert [text for text in await table.published_since(0) if kept.kid not in text] == []


async def test_a_clock_ahead_signs_nobody_out(clock: Any) -> None:
    """P12: a replica whose clock jumps ahead by hours leaves the keys that others sign with."""
    table = MemoryPublishedKeys()
    store = make_store(table, clock)
    signing = await store.current_key()
    clock.now += 12 * HOUR
    await make_store(table, clock).current_key()
    clock.now -= 12 * HOUR
    assert signing.kid in kids(await store.public_keys())
    assert await store.current_key() is signing


async def test_a_key_is_published_before_it_is_used(clock: Any) -> None:
    """P12: nobody gets a key that is not in the key set yet."""
    release = asyncio.Event()

    class SlowTable(MemoryPublishedKeys):
        async def publish(self, kid: str, jwk: str, *, created_at: int, drop_before: int) -> None:
            await release.wait()
            await super().publish(kid, jwk, created_at=created_at, drop_before=drop_before)

    store = make_store(SlowTable(), clock)
    waiting = asyncio.create_task(store.current_key())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    release.set()
    kid = (await waiting).kid
    assert kids(await store.public_keys()) == [kid]


async def test_callers_share_the_making_of_a_key(clock: Any) -> None:
    """P12: callers at the same time get the same key."""
    store = make_store(MemoryPublishedKeys(), clock)
    made = await asyncio.gather(*(store.current_key() for _ in range(10)))
    assert len({key.kid for key in made}) == 1
    assert len(await store.public_keys()) == 1


async def test_a_failure_is_told_to_all_and_tried_again_by_the_next(clock: Any) -> None:
    """P12: when a key cannot be published its callers learn why, and the next caller makes another one."""

    class FailingTable(MemoryPublishedKeys):
        failures = 1

        async def publish(self, kid: str, jwk: str, *, created_at: int, drop_before: int) -> None:
            if self.failures:
                self.failures -= 1
                raise ServiceUnavailableError("no database")
            await super().publish(kid, jwk, created_at=created_at, drop_before=drop_before)

    store = make_store(FailingTable(), clock)
    outcomes = await asyncio.gather(store.current_key(), store.current_key(), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no database", "no database"]
    assert await store.public_keys() == []
    kid = (await store.current_key()).kid
    assert kids(await store.public_keys()) == [kid]


async def test_a_caller_that_gives_up_does_not_take_the_others_along(clock: Any) -> None:
    """P12: cancelling one caller leaves the key in the making for the others."""
    store = make_store(MemoryPublishedKeys(), clock)
    impatient, patient = asyncio.create_task(store.current_key()), asyncio.create_task(store.current_key())
    await asyncio.sleep(0)
    impatient.cancel()
    key = await patient
    assert kids(await store.public_keys()) == [key.kid]
    assert impatient.cancelled()


async def test_keys_are_not_made_on_the_event_loop(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: making a key, and importing what makes it, happens in a thread."""
    threads: list[bool] = []

    def generate(algorithm: str) -> SigningKey:
        try:
            asyncio.get_running_loop()
            threads.append(False)
        except RuntimeError:
            threads.append(True)
        return generate_signing_key(algorithm)

    monkeypatch.setattr(keys_module, "generate_signing_key", generate)
    await make_store(MemoryPublishedKeys(), clock).current_key()
    assert threads == [True]


@pytest.mark.parametrize(
    ("algorithm", "members"),
    [
        ("ES256", ["kty", "x", "y", "crv", "kid", "alg"]),
        ("ES512", ["kty", "x", "y", "crv", "kid", "alg"]),
        ("EdDSA", ["crv", "x", "kty", "kid", "alg"]),
        ("PS256", ["kty", "n", "e", "kid", "alg"]),
    ],
)
async def test_public_keys_have_the_members_of_the_wire(clock: Any, algorithm: str, members: list[str]) -> None:
    """P14: a listed key has the members that Node writes, in their order, then kid and alg; no private part, no use."""
    store = make_store(MemoryPublishedKeys(), clock, algorithm)
    key = await store.current_key()
    (listed,) = await store.public_keys()
    assert list(listed) == members
    assert listed == key.public_jwk
    assert listed["alg"] == algorithm


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "ES256", "ES384", "ES512", "PS384", "EdDSA"])
def test_signatures_are_those_of_jws(algorithm: str) -> None:
    """P9: every algorithm yields signatures that the public key verifies."""
    from joserfc.jwk import import_key
    from joserfc.jws import JWSRegistry

    key = generate_signing_key(algorithm)
    signature = key.sign(b"header.payload")
    assert JWSRegistry.algorithms[algorithm].verify(b"header.payload", signature, import_key(key.public_jwk))
    if algorithm == "ES256":
        assert len(signature) == 64

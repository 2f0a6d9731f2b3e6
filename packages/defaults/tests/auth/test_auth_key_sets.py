"""Key sets of others: when they are read, and when not."""

import asyncio
import time
from typing import Any

import pytest

from understage.defaults.auth.key_sets import (
    MAX_KEY_SETS,
    KeySetMissingError,
    KeySets,
    KeySetUnavailableError,
    RemoteKeySet,
)
from understage.defaults.auth.signatures import generate_signing_key, import_public_key, sign_token
from understage.defaults.auth.tokens import parse_token
from understage.errors import AuthenticationError, ServiceUnavailableError

URL = "http://keys.test/jwks.json"


class Issuer:
    """Serves a key set of which keys come and go."""

    def __init__(self, installation: Any) -> None:
        self.installation = installation
        self.keys = [generate_signing_key("first")]
        installation.network.serve_json(URL, lambda: {"keys": [key.public_jwk() for key in self.keys]})
        self.set = RemoteKeySet(
            URL,
            installation.network,
            installation.logger,
            clock=installation.clock,
            sleep=installation.clock.sleep,
        )

    def token(self, key: Any = None, age: float = 0) -> Any:
        key = key or self.keys[-1]
        parsed = parse_token(sign_token("x", {"iat": int(self.installation.clock() - age)}, key))
        assert parsed is not None
        return parsed

    def stranger(self, age: float = 0) -> Any:
        return self.token(generate_signing_key("stranger"), age)

    @property
    def requests(self) -> int:
        return len(self.installation.network.requests)


@pytest.fixture
async def issuer(installation: Any) -> Any:
    return Issuer(installation)


async def test_read_when_needed_and_kept(issuer: Any) -> None:
    """A35: a key set is read when there is none yet, and then kept."""
    for _ in range(3):
        assert [key.key_id for key in await issuer.set.keys_for(issuer.token())] == ["first"]
    assert issuer.requests == 1


async def test_new_key(issuer: Any) -> None:
    """A35: an unknown key in a token issued after the last reading makes for another reading."""
    await issuer.set.keys_for(issuer.token())
    issuer.installation.clock.now += 100
    issuer.keys.append(generate_signing_key("second"))
    assert [key.key_id for key in await issuer.set.keys_for(issuer.token())] == ["second"]
    assert issuer.requests == 2


async def test_old_token_with_unknown_key(issuer: Any) -> None:
    """A35: an unknown key in a token from before the last reading, less ten seconds, is not asked for again."""
    await issuer.set.keys_for(issuer.token())
    issuer.installation.clock.now += 5
    assert await issuer.set.keys_for(issuer.stranger(age=16)) == []
    assert issuer.requests == 1
    assert await issuer.set.keys_for(issuer.stranger(age=14)) == []
    assert issuer.requests == 2


async def test_refetch_rate_is_bounded(issuer: Any) -> None:
    """A35: any number of forged tokens makes for one reading a second at most; a genuine new key is still found."""
    await issuer.set.keys_for(issuer.token())
    issuer.installation.clock.now += 100
    await asyncio.gather(*(issuer.set.keys_for(issuer.stranger()) for _ in range(50)))
    assert issuer.requests == 2
    issuer.keys.append(generate_signing_key("second"))
    found = await asyncio.gather(*(issuer.set.keys_for(issuer.token()) for _ in range(50)))
    assert all(len(keys) == 1 for keys in found)
    assert issuer.requests == 3
    assert issuer.installation.clock.slept == [1.0]


async def test_refresh_in_the_background(issuer: Any) -> None:
    """A35: a key set is read again hourly, without anybody waiting, so that withdrawn keys are forgotten."""
    withdrawn = issuer.token()
    await issuer.set.keys_for(withdrawn)
    issuer.keys = [generate_signing_key("second")]
    issuer.installation.clock.now += 3601
    assert len(await issuer.set.keys_for(withdrawn)) == 1
    for _ in range(5):
        await asyncio.sleep(0)
    assert issuer.requests == 2
    assert await issuer.set.keys_for(withdrawn) == []


async def test_the_clock_was_set_back(issuer: Any) -> None:
    """A35: after the clock was set back by a day, new keys are found as soon as ever, and no failure is kept for it."""
    clock = issuer.installation.clock
    await issuer.set.keys_for(issuer.token())
    clock.now -= 86_400
    issuer.keys.append(generate_signing_key("second"))
    assert [key.key_id for key in await issuer.set.keys_for(issuer.token())] == ["second"]
    assert clock.slept == []
    issuer.installation.network.serve_error(URL, ServiceUnavailableError("connection refused"))
    clock.now += 1
    with pytest.raises(KeySetUnavailableError):
        await issuer.set.keys_for(issuer.stranger())
    clock.now -= 86_400
    issuer.keys.append(generate_signing_key("third"))
    issuer.installation.network.serve_json(URL, lambda: {"keys": [key.public_jwk() for key in issuer.keys]})
    assert [key.key_id for key in await issuer.set.keys_for(issuer.token())] == ["third"]
    assert clock.slept == []


async def test_old_keys_are_read_again_after_the_clock_was_set_back(issuer: Any) -> None:
    """A35: a key set that was read "tomorrow" is read again in the background, as an old one is."""
    token = issuer.token()
    await issuer.set.keys_for(token)
    issuer.installation.clock.now -= 86_400
    for _ in range(5):
        assert len(await issuer.set.keys_for(token)) == 1
        await asyncio.sleep(0)
    assert issuer.requests == 2


async def test_outage_leaves_known_keys(issuer: Any) -> None:
    """A35: while the issuer is down, tokens of known keys are good, and those of unknown keys are not decided."""
    await issuer.set.keys_for(issuer.token())
    issuer.installation.network.serve_status(URL, 503)
    issuer.installation.clock.now += 4000
    assert len(await issuer.set.keys_for(issuer.token())) == 1
    await asyncio.sleep(0.01)
    issuer.installation.clock.now += 2
    with pytest.raises(KeySetUnavailableError):
        await issuer.set.keys_for(issuer.stranger())
    assert len(await issuer.set.keys_for(issuer.token())) == 1


async def test_failures_are_not_repeated_at_once(issuer: Any) -> None:
    """A35: within a second after a failure nobody asks again; callers get the same failure."""
    issuer.installation.network.serve_error(URL, ServiceUnavailableError("connection refused"))
    for _ in range(10):
        with pytest.raises(KeySetUnavailableError, match=r"connection refused"):
            await issuer.set.keys_for(issuer.token())
    assert issuer.requests == 1


async def test_concurrent_callers_share_a_failure(issuer: Any) -> None:
    """A32: callers that wait for one request share its failure too."""
    issuer.installation.network.serve_status(URL, 404)
    results = await asyncio.gather(*(issuer.set.keys_for(issuer.token()) for _ in range(10)), return_exceptions=True)
    assert [type(result) for result in results] == [KeySetMissingError] * 10
    assert issuer.requests == 1


async def test_cancelled_caller_does_not_disturb_others(issuer: Any) -> None:
    """A32: when one of the callers that share a request goes away, the others still get its answer."""
    first = asyncio.create_task(issuer.set.keys_for(issuer.token()))
    second = asyncio.create_task(issuer.set.keys_for(issuer.token()))
    await asyncio.sleep(0)
    first.cancel()
    assert len(await second) == 1
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"keys": 1}', "[" * 100_000, "null"])
async def test_answers_that_are_no_key_set(issuer: Any, body: Any) -> None:
    """A32: an answer that is no key set, such as a page, counts as none."""
    from understage.plugin_api import HttpResponse

    async def answer() -> Any:
        return HttpResponse(200, "OK", {}, body.encode())

    issuer.installation.network.answers[URL] = answer
    with pytest.raises(KeySetMissingError):
        await issuer.set.keys_for(issuer.token())


async def test_unusable_keys_are_left_out(issuer: Any) -> None:
    """A35: one odd key in a set does not spoil the others; symmetric keys are never taken."""
    good = issuer.keys[0].public_jwk()
    odd = [
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "first"},
        {**good, "x": "AAAA"},
        {**good, "crv": "P-999"},
        {**good, "use": "enc"},
        {**good, "alg": "HS256"},
        {**good, "kid": 7},
        {**good, "alg": []},
        {"kty": []},
        {"kty": "RSA", "n": "!", "e": 1},
        "text",
        {},
    ]
    issuer.installation.network.serve_json(URL, lambda: {"keys": [*odd, good]})
    assert [key.key_id for key in await issuer.set.keys_for(issuer.token())] == ["first"]


def test_key_types() -> None:
    """A35: RSA and Edwards keys of identity providers verify as well as elliptic ones."""
    from joserfc.jwk import OKPKey, RSAKey

    for key, kind in ((RSAKey.generate_key(2048), "RSA"), (OKPKey.generate_key("Ed25519"), "OKP")):
        imported = import_public_key({**key.as_dict(private=False), "kid": "k"})
        assert imported is not None
        assert imported.key.key_type == kind


async def test_key_sets_are_bounded(installation: Any) -> None:
    """A32: forged tokens that name thousands of issuers leave no trace in memory; real issuers stay."""
    sets = KeySets(installation.network, installation.logger, clock=installation.clock)
    real = sets.at(installation.user_keys_url)
    token = parse_token(installation.users.token())
    assert token is not None
    await real.keys_for(token)
    for number in range(3 * MAX_KEY_SETS):
        sets.at(f"http://nowhere.test/{number}")
    assert len(sets._by_url) <= MAX_KEY_SETS
    assert sets.at(installation.user_keys_url) is real


async def test_plugins_of_a_process_share_key_sets(installation: Any) -> None:
    """A35: the plugins of one process read the auth plugin's keys once."""
    from understage.defaults.auth.service import DefaultAuth

    context = installation.root_context()
    installation.root_context = lambda: context
    plugins = [await installation.plugin(name) for name in ("one", "two", "three")]
    assert all(isinstance(plugin, DefaultAuth) for plugin in plugins)
    token = installation.users.token()
    await asyncio.gather(*(plugin.authenticate(token) for plugin in plugins))
    assert installation.network.requests == [installation.user_keys_url]


async def test_remembered_tokens_are_cheap(installation: Any) -> None:
    """A31: a remembered token is found in well under 50 microseconds: a lookup and a look at the clock."""
    catalog = await installation.plugin("catalog")
    token = installation.users.token()
    await catalog.authenticate(token)
    rounds = 1000
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(rounds):
            await catalog.authenticate(token)
        best = min(best, (time.perf_counter() - started) / rounds)
    assert best < 50e-6


async def test_remembered_tokens_are_bounded(installation: Any) -> None:
    """A31: the memory of verified tokens is bounded; forgetting the longest unused costs only a verification."""
    from understage.defaults.auth.verified_tokens import VerifiedToken, VerifiedTokens
    from understage.plugin_api import Credentials, UserPrincipal

    tokens = VerifiedTokens(max_remembered=3)
    for name in "abc":
        tokens.add(name, VerifiedToken(Credentials(UserPrincipal(name)), 100))
    assert tokens.find("a", 0) is not None
    tokens.add("d", VerifiedToken(Credentials(UserPrincipal("d")), 100))
    tokens.add("e", VerifiedToken(Credentials(UserPrincipal("e")), None))
    assert [name for name in "abcde" if tokens.find(name, 0)] == ["a", "c", "d"]
    assert tokens.find("a", 100) is None
    assert len(tokens) == 2


async def test_unknown_key_is_no_outage(installation: Any) -> None:
    """A35: a token of a key that nobody lists is refused once the key set was read anew."""
    catalog = await installation.plugin("catalog")
    await catalog.authenticate(installation.users.token())
    installation.clock.now += 10
    installation.users.key = generate_signing_key("never-listed")
    with pytest.raises(AuthenticationError):
        await catalog.authenticate(installation.users.token())
    assert installation.network.requests.count(installation.user_keys_url) == 2
    installation.clock.now += 10
    installation.users.rotate("listed-later")
    assert await catalog.authenticate(installation.users.token())

"""Tokens that somebody made up: refused, never a crash, and without asking anybody who need not be asked."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understage.defaults.auth.key_sets import MIN_READ_INTERVAL_SECONDS
from understage.defaults.auth.signatures import SigningKey, generate_signing_key, sign_token
from understage.defaults.auth.tokens import (
    decode_segment,
    encode_json_segment,
    encode_segment,
    parse_token,
)
from understage.errors import AuthenticationError

PLUGIN_TYPE = "vnd.backstage.plugin"
TYPES = (PLUGIN_TYPE, "vnd.backstage.user", "vnd.backstage.limited-user")

relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def assemble(header: Any, claims: Any, signature: bytes = b"x" * 64) -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(encode_segment(part) for part in (*parts, signature))


async def refused(service: Any, token: str) -> None:
    with pytest.raises(AuthenticationError):
        await service.authenticate(token, allow_limited_access=True)


@pytest.fixture
async def target(installation: Any) -> Any:
    """A plugin with every kind of token set up, and the key ids that its peers list."""
    search = await installation.plugin("search")
    own = await search.get_own_service_credentials()
    await search.get_plugin_request_token(on_behalf_of=own, target_plugin_id="catalog")
    installation.listed = (await search.list_public_service_keys())["keys"][0]
    access = [
        {"type": "static", "options": {"token": "static-token", "subject": "ci"}},
        {"type": "legacy", "options": {"secret": "c2VjcmV0", "subject": "old"}},
        {"type": "jwks", "options": {"url": "http://idp.test/jwks.json"}},
    ]
    installation.network.serve_json("http://idp.test/jwks.json", lambda: {"keys": [installation.listed]})
    return await installation.plugin("catalog", {"externalAccess": access})


def claims_of(installation: Any, token_type: str) -> dict[str, Any]:
    now = int(installation.clock())
    subject = "search" if token_type == PLUGIN_TYPE else "user:default/jane"
    return {"sub": subject, "aud": "catalog", "iat": now, "exp": now + 60}


@pytest.mark.parametrize("token_type", TYPES)
@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "", None, 5, ["ES256"], "RS256", "ES384", "XX"])
async def test_other_algorithms(installation: Any, target: Any, token_type: Any, algorithm: Any) -> None:
    """A31, A34: only asymmetric algorithms that suit the key are accepted; `none` and HS256 never."""
    key_id = installation.listed["kid"] if token_type == PLUGIN_TYPE else "user-key"
    header = {"typ": token_type, "alg": algorithm, "kid": key_id}
    for signature in (b"", b"x" * 64):
        await refused(target, assemble(header, claims_of(installation, token_type), signature))


@pytest.mark.parametrize("token_type", TYPES)
async def test_public_key_as_shared_secret(installation: Any, target: Any, token_type: Any) -> None:
    """A31, A34: a token signed by HMAC with the public key as secret is refused."""
    jwk = installation.listed if token_type == PLUGIN_TYPE else installation.users.listed[0]
    from joserfc.jwk import ECKey

    head = {"typ": token_type, "alg": "HS256", "kid": jwk["kid"]}
    signing_input = f"{encode_json_segment(head)}.{encode_json_segment(claims_of(installation, token_type))}"
    pem = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")}).as_pem(private=False)
    for secret in (pem, pem.strip(), json.dumps(jwk).encode(), decode_segment(jwk["x"])):
        mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
        await refused(target, f"{signing_input}.{encode_segment(mac)}")


@pytest.mark.parametrize("token_type", TYPES)
async def test_own_key_in_the_header(installation: Any, target: Any, token_type: Any) -> None:
    """A31, A34: a key that the token brings along itself counts for nothing."""
    key = generate_signing_key("mine")
    for extra in (
        {"jwk": key.public_jwk(), "kid": "mine"},
        {"jku": "http://evil.test/jwks.json", "kid": "mine"},
        {"x5u": "http://evil.test/", "kid": "../../etc/passwd"},
    ):
        head = {"typ": token_type, "alg": "ES256", **extra}
        signing_input = f"{encode_json_segment(head)}.{encode_json_segment(claims_of(installation, token_type))}"
        signature = sign_token(token_type, {}, key).rpartition(".")[2]
        await refused(target, f"{signing_input}.{signature}")
    assert not any("evil" in url for url in installation.network.requests)


@pytest.mark.parametrize("token_type", TYPES)
@pytest.mark.parametrize("key_id", [..., None, 5, [], "", "unknown"])
async def test_odd_key_ids(installation: Any, target: Any, token_type: Any, key_id: Any) -> None:
    """A10, A31: a token must name its key; without kid, or with one that is not listed, it is refused."""
    header = {"typ": token_type, "alg": "ES256", "kid": key_id}
    if key_id is ...:
        del header["kid"]
    await refused(target, assemble(header, claims_of(installation, token_type)))


@pytest.mark.parametrize("token_type", TYPES)
async def test_critical_extensions(installation: Any, target: Any, token_type: Any) -> None:
    """A31, A34: a validly signed token whose header demands an extension is refused, as it cannot be honoured."""
    key = generate_signing_key("listed")
    installation.network.serve_json(installation.plugin_keys_url("search"), lambda: {"keys": [key.public_jwk()]})
    installation.users.listed.append(key.public_jwk())
    claims = encode_json_segment(claims_of(installation, token_type))
    extras: tuple[dict[str, Any], ...] = ({}, {"crit": ["exp"]}, {"crit": []})
    for extra in extras:
        head = encode_json_segment({"typ": token_type, "alg": "ES256", "kid": "listed", **extra})
        token = _sign_raw(f"{head}.{claims}", key)
        if extra:
            await refused(target, token)
        else:
            assert await target.authenticate(token, allow_limited_access=True)


def _sign_raw(signing_input: str, key: Any) -> str:
    from joserfc.jws import JWSRegistry

    signature = JWSRegistry.algorithms["ES256"].sign(signing_input.encode(), key.key)
    return f"{signing_input}.{encode_segment(signature)}"


async def test_der_signature(installation: Any, target: Any) -> None:
    """A31: signatures are raw (r, s) pairs; another encoding of the same is refused."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    token = installation.users.token()
    raw = decode_segment(token.rpartition(".")[2])
    numbers = [int.from_bytes(half, "big") for half in (raw[:32], raw[32:])]
    await refused(target, f"{token.rpartition('.')[0]}.{encode_segment(encode_dss_signature(*numbers))}")
    assert await target.authenticate(token)


@pytest.mark.parametrize("time", [1e400, -1, 1e300, "2030-01-01", True, None, [], 10**30])
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
async def test_odd_times(installation: Any, target: Any, claim: Any, time: Any) -> None:
    """A31, A34, A36: times that are no sensible numbers are refused, even when validly signed."""
    head = {"typ": "vnd.backstage.user", "alg": "ES256", "kid": "user-key"}
    claims = {**claims_of(installation, "user"), claim: time}
    signing_input = ".".join(encode_segment(json.dumps(part).encode()) for part in (head, claims))
    await refused(target, _sign_raw(signing_input, installation.users.key))


async def test_changed_token(installation: Any, target: Any) -> None:
    """A31: changing any one character of the payload or the signature makes a token worthless."""
    token = installation.users.token()
    start = token.index(".") + 1
    for place in range(start, len(token) - 1, 17):
        changed = "A" if token[place] != "A" else "B"
        if token[place] != ".":
            await refused(target, token[:place] + changed + token[place + 1 :])


async def test_wrong_tokens_cause_no_requests(installation: Any, target: Any) -> None:
    """A31, A34: tokens that are wrong on the face of them cause no request to anybody."""
    installation.network.requests.clear()
    now = int(installation.clock())
    for token_type in TYPES:
        good = claims_of(installation, token_type)
        for changed in ({"exp": now - 1}, {"iat": None}, {"exp": None}, {"nbf": now + 9}, {"sub": None}):
            await refused(target, installation.forge(token_type, {**good, **changed}))
    await refused(target, installation.forge(PLUGIN_TYPE, {**good, "sub": "search", "aud": "techdocs"}))
    assert installation.network.requests == []


async def test_flood_of_forged_tokens(installation: Any, target: Any) -> None:
    """A32, A35: a thousand forged tokens of one issuer cause a handful of requests, and none is let in."""
    installation.network.requests.clear()
    claims = claims_of(installation, PLUGIN_TYPE)
    key = generate_signing_key("forged")
    tokens = [sign_token(PLUGIN_TYPE, {**claims, "n": number}, key) for number in range(1000)]
    results = await asyncio.gather(*(target.authenticate(token) for token in tokens), return_exceptions=True)
    assert {type(result) for result in results} == {AuthenticationError}
    assert len(installation.network.requests) <= 2
    assert sum(installation.clock.slept) <= 2 * MIN_READ_INTERVAL_SECONDS


async def test_deep_nesting(installation: Any, target: Any) -> None:
    """A30: JSON nested deeper than any parser likes is no token."""
    deep = "[" * 60_000
    for parts in ((deep, "{}"), ('{"typ":"vnd.backstage.user"}', deep), ('{"a":' + deep, "{}")):
        await refused(target, ".".join(encode_segment(part.encode()) for part in (*parts, "x")))


@relaxed
@given(text=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
async def test_any_text(target: Any, text: Any) -> None:
    """A30: whatever text is presented, the answer is an authentication error."""
    await refused(target, text)


@relaxed
@given(header=json_values, claims=json_values, signature=st.binary(max_size=80))
async def test_any_json(target: Any, header: Any, claims: Any, signature: Any) -> None:
    """A30: whatever JSON is in a token, the answer is an authentication error."""
    await refused(target, assemble(header, claims, signature))


@relaxed
@given(
    token_type=st.sampled_from([*TYPES, None, "JWT"]),
    algorithm=st.sampled_from(["ES256", "HS256", "RS256", "EdDSA", "none"]) | json_values,
    key_id=st.sampled_from(["user-key", "listed"]) | json_values,
    claims=st.dictionaries(
        st.sampled_from(["sub", "aud", "iat", "exp", "nbf", "obo", "uip", "iss"]),
        json_values | st.sampled_from(["search", "catalog", "backstage", "backstage-server", 2e9]),
    ),
    signature=st.binary(max_size=80),
)
async def test_any_claims(
    target: Any, token_type: Any, algorithm: Any, key_id: Any, claims: Any, signature: Any
) -> None:
    """A30, A31, A34: whatever a token of a known type claims, the answer is an authentication error."""
    await refused(target, assemble({"typ": token_type, "alg": algorithm, "kid": key_id}, claims, signature))


@relaxed
@given(content=st.dictionaries(st.text(), st.text() | st.integers(0, 2**53), max_size=5))
def test_json_as_javascript_writes_it(content: Any) -> None:
    """A11: JSON is written compactly, in the given order and with UTF-8 unescaped, as `JSON.stringify` does."""
    expected = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    assert decode_segment(encode_json_segment(content)).decode() == expected


@relaxed
@given(data=st.binary())
def test_segments_round_trip(data: Any) -> None:
    """A11: base64url without padding is read back as it was written."""
    assert decode_segment(encode_segment(data)) == data
    assert "=" not in encode_segment(data)


@relaxed
@given(text=st.text(alphabet="abcABC.-_= é\n\x00"))
def test_parsing_never_fails(text: Any) -> None:
    """A30: taking a text apart yields a token or None, never an error."""
    assert parse_token(text) is None or text.count(".") == 2


@pytest.mark.parametrize("token_type", TYPES)
@pytest.mark.parametrize("key_id", [..., None, 5])
async def test_signed_token_without_key_id(installation: Any, target: Any, token_type: str, key_id: Any) -> None:
    """A10: a token that does not name its key is refused, even when a listed key signed it."""
    key = installation.users.key
    installation.network.serve_json(installation.plugin_keys_url("search"), lambda: {"keys": [key.public_jwk()]})
    head = {"typ": token_type, "alg": "ES256", **({} if key_id is ... else {"kid": key_id})}
    signing_input = f"{encode_json_segment(head)}.{encode_json_segment(claims_of(installation, token_type))}"
    await refused(target, _sign_raw(signing_input, key))


async def test_key_for_another_algorithm(installation: Any, target: Any) -> None:
    """A31, A34: a key whose `alg` says what it is for verifies nothing else, though its type would allow it."""
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048)
    jwk = {**key.as_dict(private=False), "kid": "rsa"}
    for algorithm in ("RS256", "PS256"):
        token = sign_token("vnd.backstage.user", claims_of(installation, "user"), SigningKey("rsa", algorithm, key))
        installation.clock.now += 2
        installation.users.listed = [{**jwk, "alg": "RS256"}]
        plugin = await installation.plugin("catalog")
        if algorithm == "PS256":
            await refused(plugin, token)
        installation.users.listed = [{**jwk, "alg": algorithm}]
        plugin = await installation.plugin("catalog")
        assert (await plugin.authenticate(token)).principal.type == "user"


async def test_typed_token_with_a_user_audience(installation: Any, target: Any) -> None:
    """A30: the audience of old user tokens makes no user token of one that has another type."""
    now = int(installation.clock())
    claims = {"sub": "user:default/jane", "aud": "backstage", "iat": now, "exp": now + 60}
    with pytest.raises(AuthenticationError, match=r"^Illegal token$"):
        await target.authenticate(sign_token("at+jwt", claims, installation.users.key))

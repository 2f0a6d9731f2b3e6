"""User tokens."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry

from understage.auth.keys import RotatingKeyStore
from understage.auth.signing import generate_signing_key
from understage.auth.tokens import UserTokenIssuer, limited_signature, limited_signing_input
from understage.auth_api import UserIdentity
from understage.errors import InputError, UnderstageError

GUEST = "user:development/guest"
RECORDINGS = json.loads((Path(__file__).parent / "data/recordings.json").read_text())


def decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    header, payload, signature = token.split(".")
    return json.loads(decode(header)), json.loads(decode(payload)), decode(signature)


def verifies(jwk: dict[str, Any], data: bytes, signature: bytes) -> bool:
    return JWSRegistry.algorithms[jwk["alg"]].verify(data, signature, import_key(jwk))


async def test_a_token_has_the_header_and_claims_of_the_wire(issuer: UserTokenIssuer, keys: RotatingKeyStore) -> None:
    """P8: header typ, alg, kid and claims iss, sub, aud, iat, exp, uip, in this order, compact, and nothing else."""
    token = (await issuer.issue(GUEST, [GUEST], {})).token
    header, payload, _ = (segment for segment in token.split("."))
    kid = (await keys.current_key()).kid
    assert decode(header).decode() == f'{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{kid}"}}'
    uip = json.loads(decode(payload))["uip"]
    assert decode(payload).decode() == (
        f'{{"iss":"http://localhost:7007/api/auth","sub":"{GUEST}","aud":"backstage",'
        f'"iat":1795249772,"exp":1795253372,"uip":"{uip}"}}'
    )


async def test_a_token_is_signed_with_the_current_key(issuer: UserTokenIssuer, keys: RotatingKeyStore) -> None:
    """P8: the signature verifies with the key set's key of that kid."""
    token = (await issuer.issue(GUEST, [GUEST], {})).token
    (jwk,) = await keys.public_keys()
    signing_input, _, signature = token.rpartition(".")
    assert parts(token)[0]["kid"] == jwk["kid"]
    assert verifies(jwk, signing_input.encode(), decode(signature))


async def test_the_limited_token_can_be_derived(issuer: UserTokenIssuer, keys: RotatingKeyStore) -> None:
    """A11, P8: header and payload of the limited token, assembled from the full one, verify with the claim uip."""
    header, payload, _ = parts((await issuer.issue(GUEST, [GUEST], {})).token)
    assembled = b".".join(
        base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=")
        for part in (
            {"typ": "vnd.backstage.limited-user", "alg": header["alg"], "kid": header["kid"]},
            {"sub": payload["sub"], "iat": payload["iat"], "exp": payload["exp"]},
        )
    )
    (jwk,) = await keys.public_keys()
    assert verifies(jwk, assembled, decode(payload["uip"]))


def test_the_limited_token_of_backstage_has_the_same_bytes() -> None:
    """A11: the bytes that we sign for uip are those that Backstage signed for a token recorded from it."""
    session = json.loads(RECORDINGS["auth-guest-refresh"]["body"])
    header, payload, signature = parts(session["backstageIdentity"]["token"])
    (jwk,) = json.loads(RECORDINGS["auth-jwks-wellknown"]["body"])["keys"]
    full = session["backstageIdentity"]["token"].rpartition(".")[0].encode()
    limited = limited_signing_input(
        header["kid"], header["alg"], payload["sub"], iat=payload["iat"], exp=payload["exp"]
    )
    assert verifies(jwk, full, signature)
    assert verifies(jwk, limited, decode(payload["uip"]))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_limited_token_is_written_as_javascript_writes_it(name: str) -> None:
    """A11: characters outside of ASCII stand as they are, so that both sides have the same bytes."""
    payload = limited_signing_input("kid", "ES256", f"user:default/{name}", iat=1, exp=2).split(b".")[1].decode()
    text = decode(payload).decode()
    assert json.loads(text) == {"sub": f"user:default/{name}", "iat": 1, "exp": 2}
    assert all(character in text for character in name if ord(character) > 127)


def test_the_limited_signature_is_unpadded_base64url() -> None:
    """A11: uip is base64url without padding, 86 characters for ES256."""
    uip = limited_signature(generate_signing_key("ES256"), GUEST, iat=1, exp=2)
    assert len(uip) == 86
    assert "=" not in uip


async def test_the_identity_comes_with_the_token(issuer: UserTokenIssuer) -> None:
    """P10: the result names the user and the refs that it owns things through, though the token does not."""
    result = await issuer.issue(GUEST, [GUEST, "group:default/guests"], {})
    assert result.identity == UserIdentity(GUEST, (GUEST, "group:default/guests"))
    assert "ent" not in parts(result.token)[1]


async def test_the_ownership_claim_is_there_when_it_is_not_omitted(make_issuer: Any) -> None:
    """P10: with omitIdentityTokenOwnershipClaim false the token holds ent, after uip."""
    result = await make_issuer(omit_ownership=False).issue(GUEST, [GUEST, "group:default/guests"], {})
    payload = parts(result.token)[1]
    assert list(payload) == ["iss", "sub", "aud", "iat", "exp", "uip", "ent"]
    assert payload["ent"] == [GUEST, "group:default/guests"]


async def test_what_the_token_leaves_out_is_stored(issuer: UserTokenIssuer, users: Any) -> None:
    """P15: the user's info is stored as it will be served: the claims sub and ent, and further ones."""
    await issuer.issue(GUEST, [GUEST], {"groups": ["a"]})
    assert users.rows == {GUEST: f'{{"claims":{{"sub":"{GUEST}","ent":["{GUEST}"],"groups":["a"]}}}}'}


async def test_further_claims_follow(issuer: UserTokenIssuer) -> None:
    """P8: a resolver's further claims stand after the known ones."""
    result = await issuer.issue(GUEST, [GUEST], {"team": "a"})
    assert list(parts(result.token)[1]) == ["iss", "sub", "aud", "iat", "exp", "uip", "team"]


@pytest.mark.parametrize("name", ["iss", "sub", "ent", "aud", "iat", "exp", "uip"])
async def test_claims_that_the_plugin_sets_are_reserved(issuer: UserTokenIssuer, name: str) -> None:
    """P8: a resolver cannot overwrite who issued the token, for whom and until when."""
    with pytest.raises(InputError, match=f"may not set the claim {name}"):
        await issuer.issue(GUEST, [GUEST], {name: "x"})


@pytest.mark.parametrize("sub", ["jane", "", "user:", "user:default/"])
async def test_a_subject_must_be_an_entity_ref(issuer: UserTokenIssuer, users: Any, sub: str) -> None:
    """P11: a subject that is no entity ref is refused, and nothing is stored."""
    with pytest.raises(InputError, match="which is no entity ref"):
        await issuer.issue(sub, [sub], {})
    assert users.rows == {}


async def test_a_token_has_a_longest_length(make_issuer: Any, users: Any) -> None:
    """P11: a token of more than 32768 characters is an error that says what makes it so long."""
    issuer = make_issuer(omit_ownership=False)
    with pytest.raises(UnderstageError, match="32768 is the limit") as caught:
        await issuer.issue(GUEST, [f"group:default/{number}" for number in range(2000)], {})
    assert "auth.omitIdentityTokenOwnershipClaim" in str(caught.value)
    assert users.rows == {}


async def test_a_token_lives_as_long_as_configured(make_issuer: Any) -> None:
    """P9: exp is iat plus the configured lifetime."""
    payload = parts((await make_issuer(lifetime=timedelta(minutes=20)).issue(GUEST, [GUEST], {})).token)[1]
    assert payload["exp"] - payload["iat"] == 1200

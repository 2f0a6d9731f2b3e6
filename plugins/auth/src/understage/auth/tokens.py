"""User tokens: a JWT that also carries the signature of its own limited form."""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from understage.auth.keys import KeyStore
from understage.auth.signing import SigningKey
from understage.auth_api import SignInResult, UserIdentity
from understage.catalog_api import parse_entity_ref
from understage.errors import InputError, UnderstageError
from understage.plugin_api import DiscoveryService

USER_TYPE = "vnd.backstage.user"
LIMITED_USER_TYPE = "vnd.backstage.limited-user"
AUDIENCE = "backstage"
LONGEST_TOKEN = 32768
RESERVED_CLAIMS = frozenset({"iss", "sub", "ent", "aud", "iat", "exp", "uip"})


class UserInfoStore(Protocol):
    """Keeps what tokens leave out."""

    async def save_user_info(self, user_entity_ref: str, user_info: str, *, now: int) -> None:
        """Stores a user's info, in place of an older one.

        Args:
            user_entity_ref: the user.
            user_info: a JSON document.
            now: the time, in milliseconds since 1970.
        """
        ...


class UserTokenIssuer:
    """Issues user tokens.

    Args:
        keys: where the signing key comes from.
        discovery: tells the issuer: the address of this plugin as browsers see it.
        users: keeps what tokens leave out.
        lifetime: how long tokens live.
        omit_ownership: whether tokens leave out the claim `ent`.
        clock: tells the time in seconds since 1970.
    """

    def __init__(
        self,
        keys: KeyStore,
        discovery: DiscoveryService,
        users: UserInfoStore,
        *,
        lifetime: timedelta,
        omit_ownership: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._discovery = discovery
        self._users = users
        self._lifetime = int(lifetime.total_seconds())
        self._omit_ownership = omit_ownership
        self._clock = clock

    async def issue(self, sub: str, ent: Sequence[str], claims: Mapping[str, object]) -> SignInResult:
        """Issues a token and stores the user's info.

        Args:
            sub: the user's entity ref.
            ent: the refs through which the user owns things.
            claims: further claims.

        Raises:
            InputError: `sub` is no entity ref, or a further claim has a reserved name.
        """
        _check(sub, claims)
        key = await self._keys.current_key()
        issuer = await self._discovery.get_external_base_url("auth")
        now = self._clock()
        times = {"iat": int(now), "exp": int(now) + self._lifetime}
        payload: dict[str, object] = {"iss": issuer, "sub": sub, "aud": AUDIENCE, **times}
        payload["uip"] = limited_signature(key, sub, **times)
        if not self._omit_ownership:
            payload["ent"] = list(ent)
        token = _serialize(key, {**payload, **claims})
        user_info = msgspec.json.encode({"claims": {"sub": sub, "ent": list(ent), **claims}}).decode()
        await self._users.save_user_info(sub, user_info, now=int(now * 1000))
        return SignInResult(token, UserIdentity(sub, tuple(ent)))


def limited_signature(key: SigningKey, sub: str, *, iat: int, exp: int) -> str:
    """Returns the claim `uip`: the signature of the limited token that anybody can derive from the full one.

    Args:
        key: the key that signs the full token.
        sub: the user.
        iat: when the token is issued, in seconds since 1970.
        exp: when it ends.
    """
    signing_input = limited_signing_input(key.kid, key.algorithm, sub, iat=iat, exp=exp)
    return _base64url(key.sign(signing_input)).decode()


def limited_signing_input(kid: str, algorithm: str, sub: str, *, iat: int, exp: int) -> bytes:
    """Returns the bytes that the claim `uip` signs: header and payload of the limited token.

    Whoever derives that token assembles the same bytes: header `typ, alg, kid` and payload `sub, iat, exp`, in this
    order and without white space.

    Args:
        kid: the name of the key that signs the full token.
        algorithm: what it signs with.
        sub: the user.
        iat: when the token is issued, in seconds since 1970.
        exp: when it ends.
    """
    header = {"typ": LIMITED_USER_TYPE, "alg": algorithm, "kid": kid}
    return _segment(header) + b"." + _segment({"sub": sub, "iat": iat, "exp": exp})


def _serialize(key: SigningKey, payload: Mapping[str, object]) -> str:
    signing_input = _segment({"typ": USER_TYPE, "alg": key.algorithm, "kid": key.kid}) + b"." + _segment(payload)
    token = (signing_input + b"." + _base64url(key.sign(signing_input))).decode()
    if len(token) > LONGEST_TOKEN:
        raise UnderstageError(
            f"the token of '{payload['sub']}' would be {len(token)} characters long, and {LONGEST_TOKEN} is the limit; "
            "let the sign-in resolver add fewer claims, or set auth.omitIdentityTokenOwnershipClaim"
        )
    return token


def _check(sub: str, claims: Mapping[str, object]) -> None:
    try:
        parse_entity_ref(sub)
    except InputError as error:
        raise InputError(f"the sign-in resolver gave the claim sub='{sub}', which is no entity ref", error) from error
    reserved = RESERVED_CLAIMS & claims.keys()
    if reserved:
        names = ", ".join(sorted(reserved))
        raise InputError(f"the sign-in resolver may not set the claim {names}: the auth plugin does")


def _segment(value: object) -> bytes:
    return _base64url(msgspec.json.encode(value))


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")

"""Signatures: keys as JWK, signing and verifying. The cryptography is imported when the first key is handled."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understage.defaults.auth.tokens import (
    InvalidTokenError,
    JsonObject,
    UnverifiedToken,
    encode_json_segment,
    encode_segment,
)

if TYPE_CHECKING:
    from joserfc.jwk import Key

EC_ALGORITHMS = ("ES256", "ES384", "ES512")
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
OKP_ALGORITHMS = ("EdDSA", "Ed25519", "Ed448")
# Symmetric algorithms and "none" are left out on purpose: with them a public key would be a secret, or none needed.
ASYMMETRIC_ALGORITHMS = frozenset((*EC_ALGORITHMS, *RSA_ALGORITHMS, *OKP_ALGORITHMS))

_CURVE_SIZES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_PUBLIC_MEMBERS = {"EC": ("kty", "x", "y", "crv"), "RSA": ("kty", "n", "e"), "OKP": ("kty", "x", "crv")}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies.

    Attributes:
        key_id: the JWK's `kid`, or None if it has none.
        algorithm: the JWK's `alg`: the only algorithm it is for, or None for any that suits its type.
        key: the key itself.
    """

    key_id: str | None
    algorithm: str | None
    key: Key


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs.

    Attributes:
        key_id: what tokens name as `kid`.
        algorithm: the algorithm it signs with.
        key: the private key.
    """

    key_id: str
    algorithm: str
    key: Key

    def public_jwk(self) -> dict[str, Any]:
        """Returns the public part as a JWK with `kid` and `alg`, its members in the order that Node backends write."""
        members: JsonObject = self.key.as_dict(private=False)
        public = {name: members[name] for name in _PUBLIC_MEMBERS[self.key.key_type]}
        return {**public, "kid": self.key_id, "alg": self.algorithm}


async def load_cryptography() -> None:
    """Imports the cryptography in a thread, as that takes longer than the event loop should be held."""
    if "joserfc.jws" not in sys.modules:
        await asyncio.to_thread(_import_cryptography)


def _import_cryptography() -> None:
    import joserfc.jwk
    import joserfc.jws  # noqa: F401 - imported for its effect


def import_public_key(jwk: JsonObject) -> PublicKey | None:
    """Returns the key of a JWK, or None if it is none that verifies tokens here.

    Args:
        jwk: the JWK; symmetric and encryption keys are not accepted.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    kind, key_id, algorithm = jwk.get("kty"), jwk.get("kid"), jwk.get("alg")
    if not isinstance(kind, str) or kind not in _PUBLIC_MEMBERS or jwk.get("use", "sig") != "sig":
        return None
    if not isinstance(key_id, str | None) or not isinstance(algorithm, str | None):
        return None
    if algorithm is not None and algorithm not in ASYMMETRIC_ALGORITHMS:
        return None
    try:
        key = JWKRegistry.import_key({name: jwk[name] for name in _PUBLIC_MEMBERS[kind]})
        # Numbers that are on no curve are only found out when the key is built.
        _ = key.public_key
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return PublicKey(key_id, algorithm, key)


def import_key_pem(pem: bytes, algorithm: str) -> Key:
    """Returns the key of a PEM document, public or private.

    Args:
        pem: SPKI or PKCS#8.
        algorithm: what the key is for; its type follows from it.

    Raises:
        ValueError: it is no key, or none for this algorithm.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    kind = "EC" if algorithm in EC_ALGORITHMS else "RSA" if algorithm in RSA_ALGORITHMS else "OKP"
    try:
        key = JWKRegistry.import_key(pem.decode("ascii"), kind)
        _algorithm(algorithm).check_key(key)
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError(f"it is no {kind} key in PEM format for {algorithm} ({error})") from error
    return key


def generate_signing_key(key_id: str, algorithm: str = "ES256") -> SigningKey:
    """Makes a new pair.

    Args:
        key_id: what tokens will name as `kid`.
        algorithm: an ECDSA algorithm.
    """
    from joserfc.jwk import ECKey

    return SigningKey(key_id, algorithm, ECKey.generate_key(_CURVE_SIZES[algorithm]))


def sign_token(token_type: str, claims: JsonObject, key: SigningKey) -> str:
    """Makes a token with the header `{"typ", "alg", "kid"}`, in that order.

    Args:
        token_type: the header's `typ`.
        claims: the payload, whose order is kept.
        key: what signs.
    """
    header = {"typ": token_type, "alg": key.algorithm, "kid": key.key_id}
    signing_input = f"{encode_json_segment(header)}.{encode_json_segment(claims)}"
    signature = _algorithm(key.algorithm).sign(signing_input.encode("ascii"), key.key)
    return f"{signing_input}.{encode_segment(signature)}"


def check_signature(token: UnverifiedToken, keys: list[PublicKey]) -> None:
    """Checks that one of the keys signed the token, with an algorithm that suits the key.

    Raises:
        InvalidTokenError: none did, or the token asks for something that is not supported.
    """
    from joserfc.errors import JoseError

    algorithm = token.algorithm
    if not isinstance(algorithm, str) or algorithm not in ASYMMETRIC_ALGORITHMS:
        raise InvalidTokenError(f"the algorithm {algorithm!r} is not accepted")
    if "crit" in token.header:
        raise InvalidTokenError("the header demands extensions that are not supported")
    model = _algorithm(algorithm)
    for candidate in keys:
        if candidate.algorithm not in (None, algorithm):
            continue
        try:
            model.check_key(candidate.key)
            if model.verify(token.signing_input, token.signature, candidate.key):
                return
        except (JoseError, ValueError):
            continue
    raise InvalidTokenError("the signature is not that of a known key" if keys else "the key is not known")


def _algorithm(name: str) -> Any:
    from joserfc.jws import JWSRegistry

    return JWSRegistry.algorithms[name]

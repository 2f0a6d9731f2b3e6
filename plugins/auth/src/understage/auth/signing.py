"""Keys that sign user tokens. Cryptography is imported only when a key is made or read."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understage.errors import InputError

if TYPE_CHECKING:
    from joserfc.jwk import Key

JWK = dict[str, Any]

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_RSA_BITS = 2048
# The order in which Node writes the members of each key type.
_MEMBERS = {"EC": ("kty", "x", "y", "crv"), "OKP": ("crv", "x", "kty"), "RSA": ("kty", "n", "e")}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its public half.

    Attributes:
        kid: the key's name.
        algorithm: what it signs with, such as `ES256`.
        public_jwk: the public half, as key sets list it.
    """

    kid: str
    algorithm: str
    public_jwk: JWK
    _key: Key

    def sign(self, data: bytes) -> bytes:
        """Returns the signature over data, in the form that JWS wants: 64 bytes for ES256."""
        from joserfc.jws import JWSRegistry

        return JWSRegistry.algorithms[self.algorithm].sign(data, self._key)


def generate_signing_key(algorithm: str) -> SigningKey:
    """Makes a new key. Slow, the first time and for RSA: call it in a thread.

    Args:
        algorithm: what it signs with.
    """
    key = _generate(algorithm)
    kid = str(uuid.uuid4())
    return SigningKey(kid, algorithm, _public_jwk(key, kid, algorithm), key)


def load_signing_key(pem: bytes, kid: str, algorithm: str) -> SigningKey:
    """Reads a private key. Call it in a thread.

    Args:
        pem: the key, PEM (PKCS#8).
        kid: the key's name.
        algorithm: what it signs with.

    Raises:
        InputError: it is no private key of the kind that the algorithm needs.
    """
    key = _load(pem, algorithm)
    if not key.is_private:
        raise InputError("expected a private key (PKCS#8), got a public one")
    return SigningKey(kid, algorithm, _public_jwk(key, kid, algorithm), key)


def load_public_jwk(pem: bytes, kid: str, algorithm: str) -> JWK:
    """Reads a public key. Call it in a thread.

    Args:
        pem: the key, PEM (SPKI).
        kid: the key's name.
        algorithm: what its private half signs with.

    Raises:
        InputError: it is no key of the kind that the algorithm needs.
    """
    return _public_jwk(_load(pem, algorithm), kid, algorithm)


def _generate(algorithm: str) -> Key:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    if algorithm in _CURVES:
        return ECKey.generate_key(_CURVES[algorithm])
    return OKPKey.generate_key("Ed25519") if algorithm == "EdDSA" else RSAKey.generate_key(_RSA_BITS)


def _load(pem: bytes, algorithm: str) -> Key:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey
    from joserfc.jws import JWSRegistry

    key_type = ECKey if algorithm in _CURVES else OKPKey if algorithm == "EdDSA" else RSAKey
    try:
        key = key_type.import_key(pem)
        JWSRegistry.algorithms[algorithm].check_key(key)
    except (JoseError, ValueError, TypeError) as error:
        raise InputError(f"expected a PEM key for {algorithm}", error) from error
    return key


def _public_jwk(key: Key, kid: str, algorithm: str) -> JWK:
    members = key.as_dict(private=False)
    return {**{name: members[name] for name in _MEMBERS[key.key_type]}, "kid": kid, "alg": algorithm}

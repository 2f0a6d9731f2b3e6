"""The static key store: keys from files."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from understage.auth.config import StaticKeyConfig, check_algorithm
from understage.auth.signing import JWK, SigningKey, load_public_jwk, load_signing_key
from understage.config import Config, ConfigError
from understage.errors import InputError

T = TypeVar("T")
_SECTION = ("auth", "keyStore", "static", "keys")


class StaticKeyStore:
    """Signs with the first of some keys from files and lists them all; nothing rotates.

    Args:
        signing_key: the key to sign with.
        public_keys: all public keys.
    """

    def __init__(self, signing_key: SigningKey, public_keys: Sequence[JWK]) -> None:
        self._signing_key = signing_key
        self._public_keys = public_keys

    async def current_key(self) -> SigningKey:
        """Returns the first key."""
        return self._signing_key

    async def public_keys(self) -> Sequence[JWK]:
        """Returns all public keys."""
        return self._public_keys


async def load_static_keys(keys: Sequence[StaticKeyConfig], config: Config) -> StaticKeyStore:
    """Reads the key files.

    Args:
        keys: what `auth.keyStore.static.keys` names.
        config: the root configuration, for messages.

    Raises:
        ConfigError: there is no key, a file cannot be read, is no such key, or its halves do not belong together.
    """
    if not keys:
        raise ConfigError(
            "expected at least one key: the key store is 'static'",
            key=".".join(_SECTION),
            location=config.location_of("auth.keyStore"),
        )
    return await asyncio.to_thread(_load_all, keys, config)


def _load_all(keys: Sequence[StaticKeyConfig], config: Config) -> StaticKeyStore:
    for index, key in enumerate(keys):
        check_algorithm(key.algorithm, config, *_SECTION, index, "algorithm")
    public = [_load(key, index, "publicKeyFile", load_public_jwk, config) for index, key in enumerate(keys)]
    signing = _load(keys[0], 0, "privateKeyFile", load_signing_key, config)
    if signing.public_jwk != public[0]:
        message = "the private key does not belong to the public key in publicKeyFile"
        raise _error(message, 0, "privateKeyFile", config)
    return StaticKeyStore(signing, public)


def _load(key: StaticKeyConfig, index: int, member: str, read: Callable[[bytes, str, str], T], config: Config) -> T:
    file = key.public_key_file if member == "publicKeyFile" else key.private_key_file
    if file is None:
        raise _error("expected a path: the first key signs, so it needs its private half", index, member, config)
    try:
        return read(Path(file).read_bytes(), key.key_id, key.algorithm)
    except (OSError, InputError) as error:
        raise _error(f"cannot read the key file '{file}': {error}", index, member, config) from error


def _error(message: str, index: int, member: str, config: Config) -> ConfigError:
    path = (*_SECTION, index, member)
    location = config.location_of(path) or config.location_of((*_SECTION, index))
    return ConfigError(message, key=f"{'.'.join(_SECTION)}[{index}].{member}", location=location)

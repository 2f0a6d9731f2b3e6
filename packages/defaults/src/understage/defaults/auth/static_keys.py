"""Keys that an operator provides as files, for deployments whose database cannot be written to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understage.config import Config, ConfigError
from understage.defaults.auth.signatures import ASYMMETRIC_ALGORITHMS, SigningKey, import_key_pem

STATIC_KEYS = "backend.auth.pluginKeyStore.static.keys"


@dataclass(frozen=True, slots=True)
class StaticKeySource:
    """Signs with one key for ever, and lists it and its predecessors.

    Attributes:
        key: what signs.
        jwks: the public keys.
    """

    key: SigningKey
    jwks: list[dict[str, Any]]

    async def signing_key(self) -> SigningKey:
        """Returns the first key of the configuration."""
        return self.key

    async def public_keys(self) -> list[dict[str, Any]]:
        """Returns the public keys of the configuration, in its order."""
        return self.jwks


def read_static_keys(config: Config) -> StaticKeySource:
    """Reads the key files that the configuration names. Blocks: call it in a thread.

    Args:
        config: the root configuration.

    Raises:
        ConfigError: a file cannot be read or is no key, or the first key cannot sign, or another one could.
    """
    signing: SigningKey | None = None
    public: dict[str, dict[str, Any]] = {}
    sections = config.get_config_array(STATIC_KEYS)
    for index, section in enumerate(sections):
        entry = _KeyEntry(section, f"{STATIC_KEYS}[{index}]")
        key_id, algorithm = section.get_string("keyId"), entry.algorithm()
        if key_id in public:
            raise entry.error("keyId", f"the id '{key_id}' is that of an earlier key; each key needs its own")
        verifying = SigningKey(key_id, algorithm, entry.read_key("publicKeyFile", algorithm))
        public[key_id] = verifying.public_jwk()
        if index == 0:
            signing = SigningKey(key_id, algorithm, entry.read_key("privateKeyFile", algorithm))
            entry.check_pair(signing, verifying)
        elif section.has("privateKeyFile"):
            raise entry.error(
                "privateKeyFile", "only the first key signs; remove the private key file, or list this key first"
            )
    if signing is None:
        raise ConfigError(
            "it lists no key; list at least one with publicKeyFile, privateKeyFile and keyId",
            key=STATIC_KEYS,
            location=config.location_of(STATIC_KEYS),
        )
    return StaticKeySource(signing, list(public.values()))


@dataclass(frozen=True, slots=True)
class _KeyEntry:
    section: Config
    path: str

    def error(self, key: str, message: str) -> ConfigError:
        location = self.section.location_of(key) or self.section.location_of()
        return ConfigError(message, key=f"{self.path}.{key}", location=location)

    def algorithm(self) -> str:
        algorithm = self.section.get_optional_string("algorithm") or "ES256"
        if algorithm not in ASYMMETRIC_ALGORITHMS:
            known = ", ".join(sorted(ASYMMETRIC_ALGORITHMS))
            raise self.error("algorithm", f"the algorithm '{algorithm}' is not supported; use one of {known}")
        return algorithm

    def read_key(self, key: str, algorithm: str) -> Any:
        file = Path(self.section.get_string(key))
        try:
            loaded = import_key_pem(file.read_bytes(), algorithm)
        except OSError as error:
            raise self.error(key, f"cannot read the key file '{file}': {error.strerror}") from error
        except ValueError as error:
            raise self.error(key, f"cannot use the key file '{file}': {error}") from error
        if loaded.is_private != (key == "privateKeyFile"):
            found, wanted = ("private", "public (SPKI)") if loaded.is_private else ("public", "private (PKCS#8)")
            raise self.error(key, f"the key file '{file}' holds a {found} key where a {wanted} one is needed")
        return loaded

    def check_pair(self, private: SigningKey, public: SigningKey) -> None:
        if private.public_jwk() != public.public_jwk():
            raise self.error("privateKeyFile", "the private key does not belong to the public key of publicKeyFile")

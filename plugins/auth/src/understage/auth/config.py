"""The auth plugin's configuration: the section `auth`."""

from datetime import timedelta
from typing import Any

import msgspec

from understage.config import Config, ConfigError, Frontend, config_schema

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA")
DEFAULT_ALGORITHM = "ES256"
SHORTEST_LIFETIME = timedelta(minutes=10)
LONGEST_LIFETIME = timedelta(hours=24)


class StaticKeyConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key pair in files.

    Attributes:
        public_key_file: path of the public key, PEM (SPKI).
        private_key_file: path of the private key, PEM (PKCS#8); only the first key needs one, it signs.
        key_id: the key's name in tokens and in the key set.
        algorithm: what it signs with.
    """

    public_key_file: str
    private_key_file: str | None = None
    key_id: str
    algorithm: str = DEFAULT_ALGORITHM


class StaticKeyStoreConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys that never change.

    Attributes:
        keys: the keys; the first one signs, the others are only published.
    """

    keys: tuple[StaticKeyConfig, ...]


class KeyStoreConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the keys that sign user tokens come from.

    Attributes:
        provider: `database` shares the public keys of all replicas through the plugin's database, `memory` keeps them
            in the process (for a single replica), `static` reads keys from files.
        static: the keys of `static`.
    """

    provider: str = "database"
    static: StaticKeyStoreConfig | None = None


class AuthConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The section `auth`.

    Attributes:
        environment: which part of an OAuth provider's configuration applies.
        providers: the sign-in providers by id; each has a form of its own.
        backstage_token_expiration: how long user tokens live; at least 10 minutes, at most 24 hours.
        identity_token_algorithm: what user tokens are signed with, unless the key store is `static`.
        omit_identity_token_ownership_claim: whether tokens leave out the ownership claim `ent`, which then has to be
            asked for. Tokens of users in many groups become too long for headers with it.
        key_store: where the signing keys come from.
    """

    environment: Frontend[str] | None = None
    providers: dict[str, Any] = {}
    backstage_token_expiration: timedelta = timedelta(hours=1)
    identity_token_algorithm: str = DEFAULT_ALGORITHM
    omit_identity_token_ownership_claim: bool = True
    key_store: KeyStoreConfig = KeyStoreConfig()

    @property
    def token_lifetime(self) -> timedelta:
        """How long user tokens live: the configured time, kept between 10 minutes and 24 hours."""
        return min(max(self.backstage_token_expiration, SHORTEST_LIFETIME), LONGEST_LIFETIME)


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of the section `auth`, as this plugin reads it."""
    return config_schema(AuthConfig, at="auth")


def read_auth_config(config: Config) -> AuthConfig:
    """Reads the section `auth`.

    Args:
        config: the root configuration.

    Raises:
        ConfigError: a value is of the wrong type, or the algorithm is unknown.
    """
    settings = config.read(AuthConfig, "auth")
    check_algorithm(settings.identity_token_algorithm, config, "auth.identityTokenAlgorithm")
    return settings


def check_algorithm(algorithm: str, config: Config, *path: str | int) -> None:
    """Makes sure that an algorithm is one that tokens can be signed with.

    Raises:
        ConfigError: it is not; the message lists those that are.
    """
    if algorithm not in ALGORITHMS:
        key = ".".join(str(part) for part in path)
        names = ", ".join(ALGORITHMS)
        parts = [piece for part in path for piece in ([part] if isinstance(part, int) else part.split("."))]
        raise ConfigError(f"expected one of {names}, got '{algorithm}'", key=key, location=config.location_of(parts))

"""The auth plugin's configuration and its key stores."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from understage.auth.config import AuthConfig, read_auth_config
from understage.auth.key_stores import create_key_store
from understage.auth.keys import KeyStore, MemoryPublishedKeys
from understage.config import ConfigError, config_from_data


def auth_config(data: dict[str, Any]) -> AuthConfig:
    return read_auth_config(config_from_data({"auth": data}))


async def key_store(store: dict[str, Any], shared: MemoryPublishedKeys | None = None, **auth: Any) -> KeyStore:
    config = config_from_data({"auth": {"keyStore": store, **auth}})
    return await create_key_store(read_auth_config(config), config, shared or MemoryPublishedKeys())


def write_pair(directory: Path, name: str) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = directory / f"{name}.private.pem", directory / f"{name}.public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return {"publicKeyFile": str(public), "privateKeyFile": str(private), "keyId": name, "algorithm": "ES256"}


def test_nothing_needs_to_be_configured() -> None:
    """P9, P10, P13: tokens live an hour, are signed with ES256, leave out ent, and keys go to the database."""
    settings = read_auth_config(config_from_data({}))
    assert settings.token_lifetime == timedelta(hours=1)
    assert settings.identity_token_algorithm == "ES256"
    assert settings.omit_identity_token_ownership_claim is True
    assert settings.key_store.provider == "database"


@pytest.mark.parametrize(
    ("written", "effective"),
    [
        ("20m", timedelta(minutes=20)),
        ({"hours": 2}, timedelta(hours=2)),
        ("PT3H", timedelta(hours=3)),
        ({"seconds": 1}, timedelta(minutes=10)),
        ({"days": 2}, timedelta(hours=24)),
    ],
)
def test_the_lifetime_of_tokens_is_kept_within_bounds(written: object, effective: timedelta) -> None:
    """P9: backstageTokenExpiration counts between 10 minutes and 24 hours."""
    assert auth_config({"backstageTokenExpiration": written}).token_lifetime == effective


def test_an_unknown_algorithm_is_refused() -> None:
    """P9: an algorithm that cannot sign tokens is an error that lists those that can."""
    with pytest.raises(ConfigError, match=r"expected one of RS256, .*EdDSA, got 'HS256'") as caught:
        auth_config({"identityTokenAlgorithm": "HS256"})
    assert "auth.identityTokenAlgorithm" in str(caught.value)


def test_null_sections_are_absent() -> None:
    """P1: `providers:` without anything below it is no error."""
    assert auth_config({"providers": None, "keyStore": None}).providers == {}


async def test_the_database_store_shares_public_keys() -> None:
    """P13: `database`, also by default, publishes keys where all replicas see them."""
    for store in ({}, {"provider": "database"}):
        shared = MemoryPublishedKeys()
        key = await (await key_store(store, shared)).current_key()
        assert key.kid in (await shared.published_since(0))[0]


async def test_the_memory_store_keeps_public_keys_to_itself() -> None:
    """P13: `memory` publishes nothing."""
    shared = MemoryPublishedKeys()
    keys = await key_store({"provider": "memory"}, shared)
    kid = (await keys.current_key()).kid
    assert [jwk["kid"] for jwk in await keys.public_keys()] == [kid]
    assert await shared.published_since(0) == []


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("firestore", "the key store 'firestore' is not supported: expected one of database, memory, static"),
        ("etcd", "unknown key store: expected one of database, memory, static, got 'etcd'"),
    ],
)
async def test_other_stores_are_refused(provider: str, message: str) -> None:
    """P13: another provider is an error that names the key and the providers that there are.

    deviation: `firestore` is not supported.
    """
    with pytest.raises(ConfigError, match=message) as caught:
        await key_store({"provider": provider})
    assert "auth.keyStore.provider" in str(caught.value)


async def test_the_configured_algorithm_makes_the_keys() -> None:
    """P9: identityTokenAlgorithm decides what new keys sign with."""
    keys = await key_store({"provider": "memory"}, identityTokenAlgorithm="ES384")
    assert (await keys.current_key()).public_jwk["crv"] == "P-384"


async def test_the_first_static_key_signs_and_all_are_listed(tmp_path: Path) -> None:
    """P13, P14: `static` signs with the first key and lists all, with their configured ids and algorithms."""
    first, second = write_pair(tmp_path, "one"), write_pair(tmp_path, "two")
    del second["privateKeyFile"]
    keys = await key_store({"provider": "static", "static": {"keys": [first, second]}})
    signing = await keys.current_key()
    listed = await keys.public_keys()
    assert signing.kid == "one"
    assert [jwk["kid"] for jwk in listed] == ["one", "two"]
    assert list(listed[0]) == ["kty", "x", "y", "crv", "kid", "alg"]
    assert listed[0] == signing.public_jwk
    assert len(signing.sign(b"data")) == 64


async def test_a_static_store_needs_a_key() -> None:
    """P13: `static` without keys is an error that names the key."""
    for store in ({"provider": "static"}, {"provider": "static", "static": {"keys": []}}):
        with pytest.raises(ConfigError, match="expected at least one key") as caught:
            await key_store(store)
        assert "auth.keyStore.static.keys" in str(caught.value)


async def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    """P13: a file that cannot be read is named with its configuration key."""
    pair = write_pair(tmp_path, "one") | {"publicKeyFile": str(tmp_path / "missing.pem")}
    with pytest.raises(ConfigError, match="cannot read the key file") as caught:
        await key_store({"provider": "static", "static": {"keys": [pair]}})
    assert pair["publicKeyFile"] in str(caught.value)
    assert "auth.keyStore.static.keys[0].publicKeyFile" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "RS256"}, "expected a PEM key for RS256"),
        ({"algorithm": "ES384"}, "expected a PEM key for ES384"),
        ({"algorithm": "none"}, "expected one of RS256"),
        ({"privateKeyFile": None}, "the first key signs, so it needs its private half"),
    ],
)
async def test_a_static_key_must_fit_its_algorithm(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """P13: a key of another kind, an unknown algorithm or a missing private half is an error."""
    with pytest.raises(ConfigError, match=message):
        await key_store({"provider": "static", "static": {"keys": [write_pair(tmp_path, "one") | change]}})


async def test_a_public_key_does_not_sign(tmp_path: Path) -> None:
    """P13: a public key in place of the private one is an error."""
    pair = write_pair(tmp_path, "one")
    with pytest.raises(ConfigError, match="expected a private key"):
        await key_store({"provider": "static", "static": {"keys": [pair | {"privateKeyFile": pair["publicKeyFile"]}]}})


async def test_the_halves_of_a_static_key_must_belong_together(tmp_path: Path) -> None:
    """P13: a private key whose public half is another one would sign what nobody can verify."""
    one, two = write_pair(tmp_path, "one"), write_pair(tmp_path, "two")
    with pytest.raises(ConfigError, match="does not belong to the public key"):
        await key_store({"provider": "static", "static": {"keys": [one | {"privateKeyFile": two["privateKeyFile"]}]}})


async def test_a_file_that_is_no_key_is_an_error(tmp_path: Path) -> None:
    """P13: a file with something else in it is named."""
    pair = write_pair(tmp_path, "one")
    (tmp_path / "one.private.pem").write_text("not a key")
    with pytest.raises(ConfigError, match=r"cannot read the key file .*one\.private\.pem"):
        await key_store({"provider": "static", "static": {"keys": [pair]}})

"""Keys from files."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from understage.config import ConfigError, config_from_data
from understage.plugin_api import ServicePrincipal


@pytest.fixture
def files(tmp_path: Any) -> Any:
    return KeyFiles(tmp_path)


class KeyFiles:
    """Makes key files as `openssl` does."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder

    def pair(self, name: str, algorithm: str = "ES256") -> dict[str, str]:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        key: Any
        if algorithm.startswith("ES"):
            key = ec.generate_private_key({"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}[algorithm])
        elif algorithm == "EdDSA":
            key = ed25519.Ed25519PrivateKey.generate()
        else:
            key = rsa.generate_private_key(65537, 2048)
        private, public = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return {"publicKeyFile": str(public), "privateKeyFile": str(private), "keyId": name}


def config_of(*keys: Any) -> Any:
    store = {"type": "static", "static": {"keys": list(keys)}}
    return config_from_data({"backend": {"auth": {"pluginKeyStore": store}}}, "app-config.yaml")


async def issue(plugin: Any) -> Any:
    credentials = await plugin.get_own_service_credentials()
    return await plugin.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id="catalog")


def without_private(key: Any) -> Any:
    return {name: value for name, value in key.items() if name != "privateKeyFile"}


async def test_first_key_signs(installation: Any, files: Any) -> None:
    """A43: the first static key signs, all are listed, and no database is needed."""
    first, second = files.pair("new"), without_private(files.pair("old"))
    search = await installation.plugin("search", config=config_of(first, second), database=object())
    catalog = await installation.plugin("catalog")
    token = await issue(search)
    assert json.loads(urlsafe_b64decode(token.split(".")[0] + "==")) == {
        "typ": "vnd.backstage.plugin",
        "alg": "ES256",
        "kid": "new",
    }
    assert (await catalog.authenticate(token)).principal == ServicePrincipal("plugin:search")
    listed = (await search.list_public_service_keys())["keys"]
    assert [(key["kid"], key["alg"]) for key in listed] == [("new", "ES256"), ("old", "ES256")]
    assert not any("d" in key for key in listed)


async def test_predecessor_is_still_accepted(installation: Any, files: Any) -> None:
    """A43: tokens of the previous first key are good while that key is listed."""
    old, new = files.pair("old"), files.pair("new")
    before = await installation.plugin("search", config=config_of(old))
    token = await issue(before)
    await installation.plugin("search", config=config_of(new, without_private(old)))
    catalog = await installation.plugin("catalog")
    assert (await catalog.authenticate(token)).principal == ServicePrincipal("plugin:search")


@pytest.mark.parametrize("algorithm", ["ES384", "RS256", "PS256", "EdDSA"])
async def test_other_algorithms_of_static_keys(installation: Any, files: Any, algorithm: Any) -> None:
    """A43: the algorithm of a static key may be given."""
    key = {**files.pair("k", algorithm), "algorithm": algorithm}
    search = await installation.plugin("search", config=config_of(key))
    catalog = await installation.plugin("catalog")
    assert (await catalog.authenticate(await issue(search))).principal == ServicePrincipal("plugin:search")


async def refused(installation: Any, text: Any, *keys: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        await installation.plugin("search", config=config_of(*keys))
    assert text in str(caught.value)
    assert str(caught.value).startswith("app-config.yaml: backend.auth.pluginKeyStore.static.keys")


async def test_unreadable_key_files(installation: Any, files: Any, tmp_path: Any) -> None:
    """A43: a key file that cannot be read or used is an error at start that names it, its key and the source."""
    good = files.pair("good")
    missing = str(tmp_path / "missing.pem")
    await refused(
        installation,
        f"keys[0].privateKeyFile: cannot read the key file '{missing}': No such file or directory",
        {**good, "privateKeyFile": missing},
    )
    await refused(installation, "keys[0].publicKeyFile: cannot read", {**good, "publicKeyFile": str(tmp_path)})
    garbage = tmp_path / "garbage.pem"
    garbage.write_bytes(b"\xff\x00 no key")
    await refused(installation, "it is no EC key in PEM format for ES256", {**good, "publicKeyFile": str(garbage)})
    await refused(installation, "it is no RSA key", {**good, "algorithm": "RS256"})
    await refused(installation, "it is no EC key in PEM format for ES384", {**good, "algorithm": "ES384"})


async def test_swapped_and_foreign_files(installation: Any, files: Any) -> None:
    """A43: swapped files, and private keys of another pair, are told apart from broken ones."""
    good, other = files.pair("good"), files.pair("other")
    swapped = {**good, "publicKeyFile": good["privateKeyFile"]}
    await refused(installation, "holds a private key where a public (SPKI) one is needed", swapped)
    swapped = {**good, "privateKeyFile": good["publicKeyFile"]}
    await refused(installation, "holds a public key where a private (PKCS#8) one is needed", swapped)
    foreign = {**good, "privateKeyFile": other["privateKeyFile"]}
    await refused(installation, "keys[0].privateKeyFile: the private key does not belong to", foreign)


async def test_rules_of_the_list(installation: Any, files: Any) -> None:
    """A43: the first key needs a private file, the others must not have one, ids differ, and the list is not empty."""
    one, two = files.pair("one"), files.pair("two")
    await refused(installation, "keys[0].privateKeyFile", without_private(one))
    await refused(installation, "keys[1].privateKeyFile: only the first key signs", one, two)
    same = {**without_private(two), "keyId": "one"}
    await refused(installation, "keys[1].keyId: the id 'one' is that of an earlier key", one, same)
    await refused(installation, "it lists no key")
    await refused(installation, "keys[0].keyId", {**one, "keyId": None})
    await refused(
        installation, "keys[0].algorithm: the algorithm 'HS256' is not supported", {**one, "algorithm": "HS256"}
    )

"""The keys of a plugin's own tokens."""

import asyncio
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from understage.config import ConfigError, config_from_data
from understage.defaults.auth.key_store import DatabaseKeyStore, StoredKey
from understage.defaults.auth.plugin_keys import RotatingKeySource
from understage.errors import ServiceUnavailableError
from understage.plugin_api import ServicePrincipal

HOUR = 3600


async def issue(plugin: Any, target: Any = "catalog") -> Any:
    credentials = await plugin.get_own_service_credentials()
    return await plugin.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id=target)


def key_id(token: Any) -> Any:
    return json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]


async def listed(plugin: Any) -> Any:
    return [key["kid"] for key in (await plugin.list_public_service_keys())["keys"]]


class Store:
    """A key store in memory that can be made to fail, and that notes what happens."""

    def __init__(self) -> None:
        self.keys: list[StoredKey] = []
        self.failure: Exception | None = None
        self.calls: list[str] = []

    async def add(self, key: StoredKey) -> None:
        self.calls.append("add")
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        self.keys.insert(0, key)

    async def list_keys(self) -> list[StoredKey]:
        return list(self.keys)

    async def delete_expired(self, now: float) -> None:
        self.calls.append("delete")
        if self.failure:
            raise self.failure
        self.keys = [key for key in self.keys if key.expires_at > now]


@pytest.fixture
async def store() -> Any:
    return Store()


@pytest.fixture
async def source(installation: Any, store: Any) -> Any:
    return RotatingKeySource(store, installation.logger, installation.clock)


async def test_public_keys_in_the_database(installation: Any) -> None:
    """A40: public keys are in the plugin's own database, private ones nowhere."""
    search = await installation.plugin("search")
    token = await issue(search)
    rows = await installation.databases.for_plugin("search").fetch(
        "SELECT id, key, expires_at FROM backstage_backend_public_keys__keys"
    )
    assert [(row[0], row[2]) for row in rows] == [(key_id(token), int(installation.clock()) + 3 * HOUR)]
    assert set(json.loads(rows[0][1])) == {"kty", "x", "y", "crv", "kid", "alg"}


async def test_key_set_form(installation: Any) -> None:
    """A44: a key set lists JWKs with kid and alg, members as Node backends write them; without keys it is empty."""
    search = await installation.plugin("search")
    assert await search.list_public_service_keys() == {"keys": []}
    token = await issue(search)
    (key,) = (await search.list_public_service_keys())["keys"]
    assert list(key) == ["kty", "x", "y", "crv", "kid", "alg"]
    assert (key["kty"], key["crv"], key["alg"], key["kid"]) == ("EC", "P-256", "ES256", key_id(token))


async def test_listing_makes_no_table(installation: Any) -> None:
    """A40: a plugin that signs nothing gets no table, however often its key set is asked for."""
    search = await installation.plugin("search")
    await search.list_public_service_keys()
    rows = await installation.databases.for_plugin("search").fetch("SELECT name FROM sqlite_master")
    assert [row[0] for row in rows] == []


async def test_no_database_before_it_is_needed(installation: Any) -> None:
    """A40: creating the service and verifying tokens of others does not touch the database."""

    class NoDatabase:
        dialect = "sqlite"

        def __getattr__(self, name: Any) -> None:
            raise AssertionError(f"the database was touched: {name}")

    catalog = await installation.plugin("catalog", database=NoDatabase())
    search = await installation.plugin("search")
    assert (await catalog.authenticate(await issue(search))).principal == ServicePrincipal("plugin:search")


async def test_replicas_list_each_others_keys(installation: Any) -> None:
    """A40, A44, D51: replicas of a plugin sign with keys of their own, and any of them lists all."""
    one, two = await installation.plugin("search"), await installation.plugin("search")
    assert await listed(two) == []
    tokens = [await issue(one), await issue(two)]
    assert len({key_id(token) for token in tokens}) == 2
    assert set(await listed(one)) == set(await listed(two)) == {key_id(token) for token in tokens}
    catalog = await installation.plugin("catalog")
    for token in tokens:
        assert (await catalog.authenticate(token)).principal == ServicePrincipal("plugin:search")


async def test_rotation(installation: Any) -> None:
    """A41: a key signs for an hour and is listed for three."""
    search = await installation.plugin("search")
    first = key_id(await issue(search))
    installation.clock.now += HOUR - 1
    assert key_id(await issue(search)) == first
    installation.clock.now += 1
    second = key_id(await issue(search))
    assert second != first
    assert await listed(search) == [second, first]
    installation.clock.now += 2 * HOUR - 1
    assert await listed(search) == [second, first]
    installation.clock.now += 1
    assert await listed(search) == [second]


async def test_stored_before_first_use(source: Any, store: Any) -> None:
    """A41: a key is stored before it signs, and concurrent callers share one generation."""
    keys = await asyncio.gather(*(source.signing_key() for _ in range(10)))
    assert store.calls == ["add"]
    assert {key.key_id for key in keys} == {store.keys[0].id}


async def test_failed_generation_is_retried(source: Any, store: Any) -> None:
    """A41: when the first key cannot be stored, every waiting caller fails, and the next call tries again."""
    store.failure = ServiceUnavailableError("the database is down")
    results = await asyncio.gather(*(source.signing_key() for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [ServiceUnavailableError] * 3
    assert store.calls == ["add"]
    store.failure = None
    assert (await source.signing_key()).key_id == store.keys[0].id


async def test_outage_at_rotation(installation: Any, source: Any, store: Any) -> None:
    """A41: while the store is down at a rotation, the present key signs for as long as its tokens can be verified."""
    first = await source.signing_key()
    store.failure = ServiceUnavailableError("the database is down")
    installation.clock.now += HOUR
    assert await source.signing_key() is first
    assert await source.signing_key() is first
    assert store.calls == ["add", "add"]
    assert len(installation.logger.of("warning")) == 1
    installation.clock.now += HOUR
    with pytest.raises(ServiceUnavailableError):
        await source.signing_key()
    store.failure = None
    assert (await source.signing_key()) is not first


async def test_cancelled_caller_leaves_the_generation(source: Any, store: Any) -> None:
    """A41: a caller that goes away does not spoil the key for others."""
    first = asyncio.create_task(source.signing_key())
    second = asyncio.create_task(source.signing_key())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).key_id == store.keys[0].id
    assert store.calls == ["add"]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_expired_keys_are_deleted(installation: Any, source: Any, store: Any) -> None:
    """A42: expired keys are not listed, and deleted in the background a day later; failing to is only logged."""
    await source.signing_key()
    installation.clock.now += 3 * HOUR
    assert await source.public_keys() == []
    await asyncio.sleep(0.01)
    assert "delete" not in store.calls
    installation.clock.now += 24 * HOUR
    store.failure = RuntimeError("disk full")
    assert await source.public_keys() == []
    await asyncio.sleep(0.01)
    assert len(store.keys) == 1
    assert "disk full" in repr(installation.logger.entries)
    store.failure = None
    assert await source.public_keys() == []
    await asyncio.sleep(0.01)
    assert store.keys == []


async def test_a_clock_ahead_costs_others_nothing(installation: Any, source: Any, store: Any) -> None:
    """A42: a replica whose clock jumps ahead by hours does not delete the keys that others sign with, and goes on."""
    other = RotatingKeySource(store, installation.logger, lambda: installation.clock.now - 12 * HOUR)
    installation.clock.now += 12 * HOUR
    key_id = (await other.signing_key()).key_id
    await source.signing_key()
    await source.public_keys()
    await asyncio.sleep(0.01)
    assert key_id in {jwk["kid"] for jwk in await other.public_keys()}
    assert (await other.signing_key()).key_id == key_id


async def test_the_clock_was_set_back(installation: Any, source: Any) -> None:
    """A41, A42: after the clock was set back the present key goes on signing, and is listed."""
    key_id = (await source.signing_key()).key_id
    installation.clock.now -= 24 * HOUR
    assert (await source.signing_key()).key_id == key_id
    assert [jwk["kid"] for jwk in await source.public_keys()] == [key_id]


async def test_expired_rows_are_deleted(installation: Any) -> None:
    """A42: deletion in the database takes expired rows only."""
    keys = DatabaseKeyStore(installation.databases.for_plugin("search"))
    for number in range(3):
        await keys.add(StoredKey(str(number), {"kid": str(number)}, 100 + number))
    await keys.delete_expired(101)
    assert [key.id for key in await keys.list_keys()] == ["2"]


async def test_unknown_store_type(installation: Any) -> None:
    """A43: an unknown type of key store is an error at start that lists the known ones."""
    config = config_from_data({"backend": {"auth": {"pluginKeyStore": {"type": "vault"}}}}, "app-config.yaml")
    with pytest.raises(
        ConfigError,
        match=r"app-config.yaml.*pluginKeyStore.type: unknown type 'vault'; expected 'database' or 'static'",
    ):
        await installation.plugin("search", config=config)


async def test_store_on_every_engine(database: Any) -> None:
    """A40, A42: the table is made once however many replicas store a key, and is the same on Postgres and SQLite."""
    replicas = [DatabaseKeyStore(database) for _ in range(3)]
    assert [await replica.list_keys() for replica in replicas] == [[], [], []]
    await asyncio.gather(
        *(
            replica.add(StoredKey(f"k{number}", {"kid": number}, 2**33 + number))
            for number, replica in enumerate(replicas)
        )
    )
    for replica in (*replicas, DatabaseKeyStore(database)):
        assert [key.id for key in await replica.list_keys()] == ["k2", "k1", "k0"]
    await replicas[0].delete_expired(2**33 + 1.5)
    assert await replicas[1].list_keys() == [StoredKey("k2", {"kid": 2}, 2**33 + 2)]

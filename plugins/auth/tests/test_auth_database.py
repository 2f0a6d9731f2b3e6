"""The auth plugin's tables, on SQLite and on Postgres."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from understage.auth.database import AuthDatabase
from understage.auth.keys import RotatingKeyStore
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases

HOUR = 3600


@pytest.fixture
async def tables(database: DatabaseService) -> AuthDatabase:
    tables = AuthDatabase(database)
    await tables.migrate()
    return tables


async def test_replicas_share_the_table_of_keys(tables: AuthDatabase, clock: Any) -> None:
    """P12: each replica's key is in the table, and each lists both; private keys are not in it."""
    stores = [RotatingKeyStore(tables, algorithm="ES256", lifetime=timedelta(hours=1), clock=clock) for _ in range(2)]
    made = [await store.current_key() for store in stores]
    for store in stores:
        listed = await store.public_keys()
        assert {jwk["kid"] for jwk in listed} == {key.kid for key in made}
        assert list(listed[0]) == ["kty", "x", "y", "crv", "kid", "alg"]
        assert all("d" not in jwk for jwk in listed)


async def test_keys_without_living_tokens_are_deleted(
    tables: AuthDatabase, database: DatabaseService, clock: Any
) -> None:
    """P12: a key of more than three lifetimes is filtered, and its row goes with the key that is made a day later."""
    store = RotatingKeyStore(tables, algorithm="ES256", lifetime=timedelta(hours=1), clock=clock)
    await store.current_key()
    clock.now += 3 * HOUR + 1
    assert await store.public_keys() == []
    clock.now += 24 * HOUR
    key = await store.current_key()
    rows = await database.fetch("SELECT kid FROM signing_keys")
    assert [row[0] for row in rows] == [key.kid]


async def test_user_info_is_given_back_as_it_was_stored(tables: AuthDatabase) -> None:
    """P15: what is stored is served byte for byte."""
    document = json.dumps({"claims": {"sub": "user:default/zoë", "ent": []}}, ensure_ascii=False)
    await tables.save_user_info("user:default/zoë", document, now=1)
    assert await tables.find_user_info("user:default/zoë") == document
    assert await tables.find_user_info("user:default/nobody") is None


async def test_newer_user_info_replaces_older(tables: AuthDatabase, database: DatabaseService) -> None:
    """P15: each sign-in renews the row, and the time of the first one stays."""
    await tables.save_user_info("user:default/jane", '{"claims":1}', now=1_795_249_772_250)
    await tables.save_user_info("user:default/jane", '{"claims":2}', now=1_795_249_772_999)
    assert await tables.find_user_info("user:default/jane") == '{"claims":2}'
    rows = await database.fetch("SELECT created_at, updated_at FROM user_info")
    assert [tuple(row) for row in rows] == [(1_795_249_772_250, 1_795_249_772_999)]


async def test_sign_ins_at_the_same_time_do_not_conflict(tables: AuthDatabase) -> None:
    """P15: many sign-ins of one user at once leave one row."""
    await asyncio.gather(*(tables.save_user_info("user:default/jane", f'{{"n":{n}}}', now=n) for n in range(20)))
    assert await tables.find_user_info("user:default/jane") is not None


async def test_an_operator_may_run_the_migrations() -> None:
    """S13: with skipMigrations the plugin leaves the tables alone."""
    databases = TestDatabases.create(ids=["SQLITE"])
    try:
        database = await databases.init("SQLITE", skip_migrations=True)
        await AuthDatabase(database).migrate()
        rows = await database.fetch("SELECT name FROM sqlite_master")
        assert [row[0] for row in rows] == []
    finally:
        await databases.close()

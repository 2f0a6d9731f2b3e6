import dataclasses
import datetime as dt
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec
import pytest

from understage.defaults.database.errors import TransactionError
from understage.errors import InputError
from understage.plugin_api import DatabaseService
from understage.testing.databases import TestDatabases

CREATE = {
    "postgres": """CREATE TABLE items (
        id integer PRIMARY KEY, title text, done boolean, at timestamptz, day date, ref uuid, price numeric)""",
    "sqlite": """CREATE TABLE items (
        id INTEGER PRIMARY KEY, title TEXT, done INTEGER, at TEXT, day TEXT, ref TEXT, price TEXT)""",
}
AT = dt.datetime(2026, 11, 21, 10, 0, 0, 123, tzinfo=dt.timezone(dt.timedelta(hours=2)))


class Item(msgspec.Struct):
    id: int
    title: str | None
    done: bool
    at: dt.datetime
    day: dt.date
    ref: UUID | None
    price: Decimal


@dataclasses.dataclass
class Title:
    id: int
    done: bool


class Pair(NamedTuple):
    id: int
    done: bool


@pytest.fixture
async def items(database: DatabaseService) -> DatabaseService:
    await database.execute(CREATE[database.dialect])
    return database


async def test_rows_are_plain_tuples(items: DatabaseService) -> None:
    """S10: rows without a row type are tuples, and a query without rows gives an empty list or None."""
    await items.execute("INSERT INTO items (id, title) VALUES ($1, $2)", 1, "one")

    rows = await items.fetch("SELECT id, title FROM items")
    assert rows == [(1, "one")]
    assert type(rows[0]) is tuple
    assert await items.fetch_row("SELECT id, title FROM items WHERE id = $1", 1) == (1, "one")
    assert type(await items.fetch_row("SELECT id FROM items")) is tuple
    assert await items.fetch("SELECT id FROM items WHERE id = $1", 2) == []
    assert await items.fetch_row("SELECT id FROM items WHERE id = $1", 2) is None


async def test_row_types_hold_the_same_values_in_both_dialects(items: DatabaseService) -> None:
    """A struct's booleans, times, dates, UUIDs and decimals come back as such from either dialect, times in UTC."""
    ref = uuid4()
    await items.execute(
        "INSERT INTO items VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(1, None, True, AT, dt.date(2026, 1, 2), ref, Decimal("1.50")),
    )

    expected = Item(1, None, True, AT, dt.date(2026, 1, 2), ref, Decimal("1.50"))
    [item] = await items.fetch("SELECT * FROM items", row_type=Item)
    assert item == expected
    assert item.done is True
    assert item.at.utcoffset() == dt.timedelta(0)
    assert isinstance(item.ref, UUID)
    assert await items.fetch_row("SELECT * FROM items", row_type=Item) == expected


async def test_dataclasses_and_named_tuples_are_row_types(items: DatabaseService) -> None:
    """Dataclasses and named tuples are filled by position, as structs are."""
    await items.execute("INSERT INTO items (id, done) VALUES (1, $1)", False)

    assert await items.fetch("SELECT id, done FROM items", row_type=Title) == [Title(1, done=False)]
    assert await items.fetch_row("SELECT id, done FROM items", row_type=Pair) == Pair(1, done=False)


async def test_a_row_that_does_not_fit_says_so(items: DatabaseService) -> None:
    """A row type with another number of fields is an error that names its fields."""
    await items.execute("INSERT INTO items (id) VALUES (1)")

    with pytest.raises(TypeError, match=r"a row of 3 columns does not fit Title\(id, done\)"):
        await items.fetch("SELECT id, done, title FROM items", row_type=Title)


async def test_execute_counts_the_rows_it_touched(items: DatabaseService) -> None:
    """Inserts, updates and deletes return their count, with or without RETURNING; other statements return 0."""
    assert await items.execute("INSERT INTO items (id) VALUES (1), (2), (3)") == 3
    assert await items.execute("UPDATE items SET title = $1 WHERE id > $2", "x", 1) == 2
    assert await items.execute("UPDATE items SET title = $1 WHERE id > 100", "x") == 0
    assert await items.execute("DELETE FROM items WHERE id = 1 RETURNING id") == 1
    assert await items.execute("SELECT * FROM items") == 0
    assert await items.execute("CREATE INDEX items_by_title ON items (title)") == 0


async def test_a_write_that_returns_rows_is_committed(items: DatabaseService) -> None:
    """A row fetched from an INSERT with RETURNING is in the table for everybody afterwards."""
    assert await items.fetch_row("INSERT INTO items (id) VALUES (1), (2) RETURNING id") == (1,)
    assert await items.fetch("INSERT INTO items (id) VALUES (3) RETURNING id") == [(3,)]

    assert await items.fetch_row("SELECT count(*) FROM items") == (3,)


async def test_placeholders_may_repeat_and_come_in_any_order(items: DatabaseService) -> None:
    """`$1` means the first argument wherever it stands, and text that looks like a placeholder is text."""
    columns = "CAST($2 AS integer), CAST($1 AS integer), CAST($2 AS integer), '$1', \"$3\""
    query = f'SELECT {columns} FROM (SELECT 9 AS "$3") AS t'

    assert await items.fetch_row(query, 1, 2) == (2, 1, 2, "$1", 9)


async def test_execute_many_is_all_or_none(items: DatabaseService) -> None:
    """When one row of many fails, none is written."""
    insert = "INSERT INTO items (id, title) VALUES ($1, $2)"
    await items.execute_many(insert, [(1, "a"), (2, "b")])
    with pytest.raises(Exception, match=r"(?i)unique"):
        await items.execute_many(insert, ((number, "c") for number in (3, 4, 1)))

    assert await items.fetch("SELECT id, title FROM items ORDER BY id") == [(1, "a"), (2, "b")]


async def test_copy_writes_many_rows_or_none(items: DatabaseService) -> None:
    """Copying writes all rows of any iterable, or none when one fails, also into names that need quotes."""
    await items.copy("items", ["id", "title", "at"], ((number, f"t{number}", AT) for number in range(500)))
    assert await items.fetch_row("SELECT count(*), max(title) FROM items") == (500, "t99")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await items.copy("items", ["id"], [(1000,), (1,)])
    assert await items.fetch_row("SELECT count(*) FROM items") == (500,)

    await items.execute('CREATE TABLE "Odd ""name""" ("select" integer)')
    await items.copy('Odd "name"', ["select"], [(1,)])
    assert await items.fetch('SELECT "select" FROM "Odd ""name"""') == [(1,)]


async def test_lists_are_arguments(items: DatabaseService) -> None:
    """A list is one argument: an array on Postgres, JSON text on SQLite."""
    await items.copy("items", ["id"], [(number,) for number in range(5)])
    matches = {"postgres": "= ANY($1)", "sqlite": "IN (SELECT value FROM json_each($1))"}[items.dialect]

    assert await items.fetch(f"SELECT id FROM items WHERE id {matches} ORDER BY id", [1, 3]) == [(1,), (3,)]


async def test_json_is_text(items: DatabaseService) -> None:
    """JSON goes in as text and comes out as the text that was stored."""
    kind = {"postgres": "json", "sqlite": "TEXT"}[items.dialect]
    await items.execute(f"CREATE TABLE documents (data {kind})")
    await items.execute("INSERT INTO documents VALUES ($1)", '{"b": 1,  "a": [true]}')

    assert await items.fetch("SELECT data FROM documents") == [('{"b": 1,  "a": [true]}',)]


async def test_times_sort_as_text_on_sqlite(test_databases: TestDatabases) -> None:
    """SQLite keeps times as UTC text of one width, and refuses times without a zone and values it cannot hold."""
    sqlite = await test_databases.init("SQLITE")

    assert await sqlite.fetch_row("SELECT $1", AT) == ("2026-11-21T08:00:00.000123Z",)
    with pytest.raises(InputError, match="no time zone"):
        await sqlite.fetch("SELECT $1", dt.datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(InputError, match="type object cannot be stored"):
        await sqlite.fetch("SELECT $1", object())


async def test_sqlites_own_timestamps_are_utc(test_databases: TestDatabases) -> None:
    """SQLite's CURRENT_TIMESTAMP, which has no zone, is read as UTC."""

    class Now(msgspec.Struct):
        at: dt.datetime

    sqlite = await test_databases.init("SQLITE")
    row = await sqlite.fetch_row("SELECT CURRENT_TIMESTAMP", row_type=Now)

    assert row is not None
    assert abs(row.at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


async def test_the_number_of_arguments_must_match(test_databases: TestDatabases) -> None:
    """Too few or too many arguments are an error that quotes the statement, and so is a gap in the numbers."""
    sqlite = await test_databases.init("SQLITE")

    with pytest.raises(InputError, match=r"has 2 placeholders but got 1 arguments: SELECT \$1, \$2"):
        await sqlite.fetch("SELECT $1, $2", 1)
    with pytest.raises(InputError, match="without a gap"):
        await sqlite.fetch("SELECT $1, $3", 1, 2, 3)


async def test_a_statement_that_leaves_a_transaction_open_is_refused(items: DatabaseService) -> None:
    """A stray BEGIN does not leak into what others do on the same connection."""
    if items.dialect == "sqlite":
        with pytest.raises(TransactionError, match="left it open"):
            await items.execute("BEGIN")
    else:
        await items.execute("BEGIN")
    await items.execute("INSERT INTO items (id) VALUES (1)")

    assert await items.fetch("SELECT id FROM items") == [(1,)]
    async with items.transaction() as transaction:
        assert await transaction.fetch("SELECT id FROM items") == [(1,)]

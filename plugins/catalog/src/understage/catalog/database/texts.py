"""Searches for a text within values.

Rare texts are found by an index of trigrams: of every three characters in a row, for the keys that the stock frontend
searches. For a common text that index would give most of the table, so the values themselves are read, in the order of
the ordinary index. A sample tells which it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from understage.catalog.query.key_numbers import key_number
from understage.catalog.query.predicates import HasText
from understage.catalog.query.statement import Statement, like_pattern
from understage.plugin_api import DatabaseConnection

INDEXED_KEYS = frozenset(("metadata.name", "metadata.title", "spec.profile.displayname"))
"""Keys whose values are in the index of trigrams; see the migration `011_texts`."""

IN_TEXT_INDEX = f"key IN ({', '.join(str(key_number(key)) for key in sorted(INDEXED_KEYS))})"
"""The condition under which rows of the search index are in the index of trigrams."""

SAMPLED_PAGES = 100
_TRIGRAM = re.compile(r"[^\W_]{3}")


def has_trigrams(driver: HasText) -> bool:
    """Tells whether the index of trigrams helps to find a text: short ones and signs are not in it."""
    return INDEXED_KEYS.issuperset(driver.keys) and _TRIGRAM.search(driver.text) is not None


def text_condition(connection: DatabaseConnection, statement: Statement, driver: HasText) -> str:
    """Returns the condition that a row `x` of the search index is for one of the keys and holds the text."""
    if connection.dialect == "postgres" and has_trigrams(driver):
        # The keys stand in the text, since the index is for certain keys only.
        keys = ", ".join(str(key_number(key)) for key in sorted(driver.keys))
        return f"x.key IN ({keys}) AND x.value || '' LIKE {statement.value(f'%{like_pattern(driver.text)}%')}"
    return f"{statement.keys('x.key', driver.keys)} AND {contains(connection, statement, 'x.value', driver.text)}"


def contains(connection: DatabaseConnection, statement: Statement, column: str, text: str) -> str:
    """Returns the condition that a column holds a text, in words that no index is used for."""
    function = "strpos" if connection.dialect == "postgres" else "instr"
    return f"{function}({column}, {statement.value(text)}) > 0"


async def estimate_rows(connection: DatabaseConnection, driver: HasText, kinds: Sequence[str] | None) -> int | None:
    """Returns about how many rows hold a text, from a sample of the table; None if it is too small to be sampled."""
    if connection.dialect != "postgres":
        return None
    row = await connection.fetch_row("SELECT relpages FROM pg_class WHERE oid = 'search'::regclass")
    size = int(row[0]) if row is not None else 0
    if size < 4 * SAMPLED_PAGES:
        return None
    statement = Statement()
    sample = f"search x TABLESAMPLE SYSTEM ({statement.value(100 * SAMPLED_PAGES / size)})"
    conditions = [statement.keys("x.key", driver.keys), contains(connection, statement, "x.value", driver.text)]
    if kinds is not None:
        conditions.append(statement.values("x.kind", kinds))
    row = await connection.fetch_row(
        f"SELECT count(*) FROM {sample} WHERE {' AND '.join(conditions)}",
        *statement.arguments,
    )
    return int(row[0]) * size // SAMPLED_PAGES if row is not None else None


async def count_text(
    connection: DatabaseConnection, driver: HasText, single_key: str, kinds: Sequence[str] | None
) -> int:
    """Returns how many entities have a common text, by reading the values of each key once.

    Args:
        connection: where to ask.
        driver: the text and its keys.
        single_key: one of the keys, of which every entity has one value: only for others does it matter whether an
            entity was counted already.
        kinds: entities of these kinds, or None for all.
    """
    statement = Statement()
    others = tuple(key for key in driver.keys if key != single_key)

    def rows(alias: str, *keys: str) -> str:
        conditions = [
            statement.keys(f"{alias}.key", keys),
            contains(connection, statement, f"{alias}.value", driver.text),
        ]
        if kinds is not None:
            conditions.append(statement.values(f"{alias}.kind", kinds))
        return f"FROM search {alias} WHERE {' AND '.join(conditions)}"

    query = f"SELECT (SELECT count(*) {rows('x', single_key)})"
    if others:
        known = f"SELECT 1 {rows('n', single_key)} AND n.entity_id = o.entity_id"
        more = f"SELECT DISTINCT o.entity_id {rows('o', *others)} AND NOT EXISTS ({known})"
        query += f" + (SELECT count(*) FROM ({more}) d)"
    row = await connection.fetch_row(query, *statement.arguments)
    return int(row[0]) if row is not None else 0


async def has_text_index(connection: DatabaseConnection) -> bool:
    """Tells whether there is an index of trigrams: a role that lacks the right to create extensions has none."""
    if connection.dialect != "postgres":
        return True
    return await connection.fetch_row("SELECT 1 WHERE to_regclass('search_texts_idx') IS NOT NULL") is not None

"""Where the two dialects are spelled differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from understage.plugin_api import DatabaseConnection

T = TypeVar("T")

COPIED_AT_ONCE = 1500
"""Rows that are written at once: few enough to be encoded within some milliseconds."""

WIDE_ROWS_AT_ONCE = 100
"""The same, if each row holds texts of whole entities."""


def among(connection: DatabaseConnection, column: str, placeholder: str) -> str:
    """Returns the condition that a column's value is in the list that is passed for a placeholder.

    Args:
        connection: tells the dialect.
        column: the column's name.
        placeholder: such as `$1`.
    """
    if connection.dialect == "postgres":
        return f"{column} = ANY({placeholder})"
    return f"{column} IN (SELECT value FROM json_each({placeholder}))"


def skip_locked(connection: DatabaseConnection) -> str:
    """Returns what makes a sub-query take rows for itself and leave out those that another replica has taken."""
    return "FOR UPDATE SKIP LOCKED" if connection.dialect == "postgres" else ""


def key_share(connection: DatabaseConnection) -> str:
    """Returns what keeps the rows of a query from being deleted until the transaction ends."""
    return "FOR KEY SHARE" if connection.dialect == "postgres" else ""


def for_update(connection: DatabaseConnection) -> str:
    """Returns what keeps the rows of a query for this transaction alone."""
    return "FOR UPDATE" if connection.dialect == "postgres" else ""


def for_no_key_update(connection: DatabaseConnection) -> str:
    """Returns what keeps the rows of a query for this transaction alone, except that others may refer to them."""
    return "FOR NO KEY UPDATE" if connection.dialect == "postgres" else ""


def fence(connection: DatabaseConnection) -> str:
    """Returns what ends a sub-query such that Postgres runs it as it is written.

    Its planner knows too little of how keys and values go together to choose well; SQLite keeps to the text anyway.
    """
    return "OFFSET 0" if connection.dialect == "postgres" else ""


KINDS = """
    WITH RECURSIVE k AS (
        (SELECT kind FROM final_entities ORDER BY kind LIMIT 1)
        UNION ALL
        SELECT (SELECT f.kind FROM final_entities f WHERE f.kind > k.kind ORDER BY f.kind LIMIT 1)
        FROM k WHERE k.kind IS NOT NULL
    )
    SELECT kind FROM k WHERE kind IS NOT NULL
    """
"""All kinds of what is served, by one step into an index for each."""


def any_kind(connection: DatabaseConnection, column: str) -> str:
    """Returns a condition that always holds: through it Postgres can use an index with the kind before the value.

    Args:
        connection: tells the dialect; SQLite has an index without the kind.
        column: the column's name.
    """
    return f"{column} = ANY(ARRAY({KINDS}))" if connection.dialect == "postgres" else "TRUE"


async def write_rows(
    connection: DatabaseConnection,
    statement: str,
    types: Sequence[str],
    rows: Iterable[Sequence[object]],
    at_once: int = COPIED_AT_ONCE,
) -> int:
    """Inserts many rows: on Postgres by one statement, which is several times faster than one for each row.

    Args:
        connection: where to write.
        statement: an `INSERT` with `{rows}` in place of the values.
        types: the columns' types on Postgres.
        rows: the values; in this order they are locked.
        at_once: how many rows one statement writes: fewer, if they hold whole entities.

    Returns:
        how many rows were written; on SQLite, where others cannot write meanwhile, how many there are.
    """
    written = 0
    for part in slices(rows, at_once):
        if connection.dialect == "postgres":
            arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
            columns = (list(column) for column in zip(*part, strict=True))
            source = f"SELECT * FROM unnest({arrays})"
            written += await connection.execute(statement.replace("{rows}", source), *columns)
        else:
            values = ", ".join(f"${number}" for number in range(1, len(types) + 1))
            await connection.execute_many(statement.replace("{rows}", f"VALUES ({values})"), part)
            written += len(part)
    return written


async def update_rows(
    connection: DatabaseConnection,
    statement: str,
    condition: str,
    types: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> set[str]:
    """Updates many rows: on Postgres by one statement.

    Args:
        connection: where to write.
        statement: an `UPDATE` up to its `WHERE`, with `{0}`, `{1}`, ... in place of the values.
        condition: which row a tuple of values is for, with the same placeholders.
        types: the values' types on Postgres.
        rows: the values; the first one of each tells what is updated.

    Returns:
        the first values of the rows that were updated; on SQLite of all of them.
    """
    updated: set[str] = set()
    for part in slices(rows, COPIED_AT_ONCE):
        if connection.dialect == "postgres":
            arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
            names = [f"v{number}" for number in range(len(types))]
            source = f"FROM unnest({arrays}) AS given ({', '.join(names)})"
            query = f"{statement.format(*names)} {source} WHERE {condition.format(*names)} RETURNING CAST(v0 AS text)"
            columns = (list(column) for column in zip(*part, strict=True))
            updated |= {row[0] for row in await connection.fetch(query, *columns)}
        else:
            places = [f"${number}" for number in range(1, len(types) + 1)]
            await connection.execute_many(f"{statement.format(*places)} WHERE {condition.format(*places)}", part)
            updated |= {str(row[0]) for row in part}
    return updated


def slices(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields the items in lists of at most this size."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part

"""Migrations that run while the backend works: what their files say, and what must not stand in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from understage.errors import ConflictError
from understage.plugin_api import Dialect

_ONLINE = re.compile(r"\A\s*--\s*understage:\s*online\s*$", re.MULTILINE)
_REPEAT = re.compile(r"^\s*--\s*understage:\s*repeat\s*$", re.MULTILINE)
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|;", re.DOTALL
)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_INDEX = re.compile(
    r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?P<concurrently>CONCURRENTLY\s+)?(?P<repeatable>IF\s+NOT\s+EXISTS\s+)?"
    r"\"?(?P<name>[\w$]+)",
    re.IGNORECASE,
)
_CHANGES_ROWS = re.compile(r"(?:UPDATE|DELETE|INSERT|WITH|MERGE)\b", re.IGNORECASE)
_TRANSACTION = re.compile(r"(?:BEGIN|START|COMMIT|END|ROLLBACK|SAVEPOINT)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OnlineStatement:
    """One statement of a migration that runs while the backend works.

    Attributes:
        text: the SQL.
        repeats: whether it is run until it changes no rows any more.
        index: the name of the index that it creates, or None.
    """

    text: str
    repeats: bool
    index: str | None


def is_online(script: str) -> bool:
    """Tells whether a script begins with the line `-- understage: online`."""
    return _ONLINE.match(script) is not None


def online_statements(script: str, title: str, dialect: Dialect) -> list[OnlineStatement]:
    """Returns the statements of a script that runs while the backend works.

    Args:
        script: the SQL text.
        title: what it is called in errors.
        dialect: which SQL it is.

    Raises:
        ConflictError: a statement could not be run again after a crash, or would lock a table for long.
    """
    statements = [_statement(text) for text in _split(script)]
    for statement in statements:
        problem = _problem(_bare(statement.text), statement, dialect)
        if problem is not None:
            raise ConflictError(f"{title} runs while the backend works, but {problem}")
    return statements


def _split(script: str) -> list[str]:
    texts: list[str] = []
    start = 0
    for token in _TOKEN.finditer(script):
        if token[0] == ";":
            texts.append(script[start : token.start()])
            start = token.end()
    texts.append(script[start:])
    return [text.strip() for text in texts if _bare(text)]


def _bare(text: str) -> str:
    return _COMMENTS.sub(" ", text).strip()


def _statement(text: str) -> OnlineStatement:
    index = _INDEX.match(_bare(text))
    return OnlineStatement(text, _REPEAT.search(text) is not None, index["name"] if index else None)


def _problem(bare: str, statement: OnlineStatement, dialect: Dialect) -> str | None:
    index = _INDEX.match(bare)
    if index is not None and not index["concurrently"] and dialect == "postgres":
        return f"index {index['name']} would lock its table for writing; write CREATE INDEX CONCURRENTLY IF NOT EXISTS"
    if index is not None and not index["repeatable"]:
        return f"index {index['name']} could not be created again after a crash; write IF NOT EXISTS"
    if _TRANSACTION.match(bare):
        return f"each of its statements is a transaction of its own; take '{bare.split()[0]}' out of it"
    if _CHANGES_ROWS.match(bare) and not statement.repeats:
        return (
            f"'{bare[:40]}...' may change many rows at once; let it take a limited number of those that are left, and "
            "write '-- understage: repeat' before it: it is then run until it changes nothing"
        )
    return None

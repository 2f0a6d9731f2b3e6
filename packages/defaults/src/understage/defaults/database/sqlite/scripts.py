"""What can be told about SQL text for SQLite."""

import re
import sqlite3
from functools import lru_cache

_WRITES = re.compile(r"\b(?:insert|update|delete|replace)\b", re.IGNORECASE)
_READS = re.compile(r"\s*(?:select|with|values)\b", re.IGNORECASE)
_ONLY_COMMENTS = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/|;)*\Z", re.DOTALL)


@lru_cache(maxsize=2048)
def only_reads(query: str) -> bool:
    """Tells whether a statement surely only reads; a statement that merely mentions a write counts as one."""
    return _READS.match(query) is not None and _WRITES.search(query) is None


def split_statements(script: str) -> list[str]:
    """Returns the statements of a script; semicolons within text, comments and trigger bodies do not end one."""
    statements: list[str] = []
    start = 0
    for position, character in enumerate(script):
        if character == ";" and sqlite3.complete_statement(script[start : position + 1]):
            statements.append(script[start : position + 1])
            start = position + 1
    statements.append(script[start:])
    return [statement.strip() for statement in statements if not _ONLY_COMMENTS.match(statement)]

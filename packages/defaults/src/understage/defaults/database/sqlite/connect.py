"""Opening SQLite files and databases in memory."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from understage.defaults.database.guard import BOOKKEEPING_TABLE, FOREIGN_SUFFIX, check_tables
from understage.defaults.database.settings import SqliteSettings

STATEMENT_CACHE = 256
WRITER_CACHE_KIB = 32 * 1024
_SHAREABLE_MEMORY = sqlite3.sqlite_version_info >= (3, 36)


def memory_uri(name: str) -> str | None:
    """Returns the URI by which several connections of the process share a database in memory, if SQLite can do so.

    Args:
        name: what distinguishes it from others in the process.
    """
    return f"file:/{name}?vfs=memdb" if _SHAREABLE_MEMORY else None


def connector(settings: SqliteSettings, memory_name: str, *, reads_only: bool) -> Callable[[], sqlite3.Connection]:
    """Returns what opens a connection; to be called in its thread.

    Args:
        settings: which database.
        memory_name: the name of the database in memory.
        reads_only: whether the connection refuses to write.
    """

    def connect() -> sqlite3.Connection:
        connection = _connect(settings, memory_name)
        try:
            _prepare(connection, settings, reads_only=reads_only)
        except BaseException:
            connection.close()
            raise
        return connection

    return connect


def _connect(settings: SqliteSettings, memory_name: str) -> sqlite3.Connection:
    uri = memory_uri(memory_name)
    if settings.path is not None:
        settings.path.parent.mkdir(parents=True, exist_ok=True)
        target = str(settings.path)
    else:
        target = uri or ":memory:"
    return sqlite3.connect(
        target,
        timeout=settings.busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENT_CACHE,
        uri=settings.path is None,
    )


def _prepare(connection: sqlite3.Connection, settings: SqliteSettings, *, reads_only: bool) -> None:
    if settings.path is not None and not reads_only:
        _refuse_foreign_tables(connection, settings, settings.path)
        # Readers and the writer do not hold each other up; what is committed survives the process and the machine.
        connection.execute("PRAGMA journal_mode = WAL")
        # A bulk of writes touches the same pages of the indexes again and again.
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        # What a statement that writes many rows keeps to undo itself, and what it sorts, is small.
        connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA foreign_keys = ON")
    if reads_only:
        connection.execute("PRAGMA query_only = ON")


def _refuse_foreign_tables(connection: sqlite3.Connection, settings: SqliteSettings, path: Path) -> None:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND (name = ? OR name LIKE ?)",
        (BOOKKEEPING_TABLE, f"%{FOREIGN_SUFFIX}"),
    )
    check_tables(
        [name for (name,) in rows],
        where=f"SQLite file {path} of plugin '{settings.plugin_id}'",
        remedy="Set backend.database.connection.directory to another directory (on Postgres: backend.database.prefix)",
    )

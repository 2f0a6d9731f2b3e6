"""A SQLAlchemy engine on a SQLite database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understage.defaults.database.engines import missing_sqlalchemy
from understage.defaults.database.settings import SqliteSettings
from understage.defaults.database.sqlite.connect import memory_uri
from understage.errors import UnsupportedOperationError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def create_engine(settings: SqliteSettings, memory_name: str) -> AsyncEngine:
    """Creates an engine with connections of its own to the same file, or to the same database in memory.

    Raises:
        UnsupportedOperationError: SQLAlchemy or aiosqlite is missing, or SQLite is too old to share memory.
    """
    try:
        import aiosqlite
        from sqlalchemy import event
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import AsyncAdaptedQueuePool
    except ImportError as error:
        raise missing_sqlalchemy(error) from error
    target = str(settings.path) if settings.path is not None else memory_uri(memory_name)
    if target is None:
        raise UnsupportedOperationError(
            f"{settings.title()} cannot be shared with SQLAlchemy, since that takes SQLite 3.36; use a file"
        )

    async def connect() -> Any:
        return await aiosqlite.connect(target, timeout=settings.busy_seconds, uri=settings.path is None)

    engine = create_async_engine(
        "sqlite+aiosqlite://", async_creator=connect, poolclass=AsyncAdaptedQueuePool, pool_size=settings.limits.maximum
    )

    @event.listens_for(engine.sync_engine, "connect")
    def enforce_foreign_keys(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return engine

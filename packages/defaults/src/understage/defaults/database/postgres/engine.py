"""A SQLAlchemy engine on a Postgres database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from understage.defaults.database.engines import missing_sqlalchemy
from understage.defaults.database.settings import PostgresSettings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def create_engine(settings: PostgresSettings, connect: Callable[[], Awaitable[Any]]) -> AsyncEngine:
    """Creates an engine with a pool of its own, on connections that are set up as ours are.

    Raises:
        UnsupportedOperationError: SQLAlchemy is missing.
    """
    try:
        from sqlalchemy.ext.asyncio import create_async_engine
    except ImportError as error:
        raise missing_sqlalchemy(error) from error
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=settings.limits.maximum,
        max_overflow=0,
        pool_pre_ping=True,
    )

"""Keeps a burst from writing once somebody else has taken its ingestion over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from understage.catalog_module_incremental_ingestion.database import bursts
from understage.errors import UnderstageError
from understage.plugin_api import DatabaseConnection, DatabaseService


class SteeredError(UnderstageError):
    """The ingestion was cancelled, started anew or deleted, or another replica has gone on with it."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A burst's hold on its ingestion.

    Attributes:
        database: the catalog's database.
        ingestion_id: the ingestion.
        burst: the burst's own id.
    """

    database: DatabaseService
    ingestion_id: str
    burst: str = field(default_factory=lambda: str(uuid4()))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DatabaseConnection]:
        """Opens a transaction during which nobody takes the ingestion over.

        Raises:
            SteeredError: somebody has already.
        """
        async with self.database.transaction() as connection:
            if not await bursts.hold(connection, self.ingestion_id, self.burst):
                raise SteeredError("the ingestion was taken over")
            yield connection

    async def check(self) -> None:
        """Checks that nobody has taken the ingestion over.

        Raises:
            SteeredError: somebody has.
        """
        async with self.transaction():
            pass

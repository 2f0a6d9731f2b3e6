"""Temporary files without a name, which the system removes when they are closed, however that comes about."""

from __future__ import annotations

import asyncio
import tempfile
from typing import IO


async def open_temporary_file(folder: str | None) -> IO[bytes]:
    """Opens a temporary file.

    Args:
        folder: where it takes its space; None for the system's choice.
    """

    def create() -> IO[bytes]:
        return tempfile.TemporaryFile(dir=folder)

    return await asyncio.to_thread(create)

"""The driver, imported when the first connection is opened."""

import asyncio
import importlib
from typing import Any

from understage.errors import UnsupportedOperationError


async def load_driver() -> Any:
    """Returns the module asyncpg.

    Raises:
        UnsupportedOperationError: it is not installed.
    """
    try:
        # The import takes long enough to be felt by others on the loop.
        return await asyncio.to_thread(importlib.import_module, "asyncpg")
    except ImportError as error:
        raise UnsupportedOperationError(
            "database client 'pg' needs a driver that is not installed: pip install 'understage[postgres]'",
            error,
        ) from error

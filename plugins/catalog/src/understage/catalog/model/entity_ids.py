"""Ids of entities: UUIDs of version 7, which grow with time, so that their rows go where an index has room."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def new_entity_id() -> str:
    """Returns an id: 48 bits of milliseconds since 1970, then random ones."""
    milliseconds = time.time_ns() // 1_000_000
    low = secrets.randbits(74)
    return str(UUID(int=milliseconds << 80 | _VERSION | (low >> 62) << 64 | _VARIANT | low & (1 << 62) - 1))

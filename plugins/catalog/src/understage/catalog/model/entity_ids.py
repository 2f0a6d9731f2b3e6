"""Ids of entities: UUIDs of version 7, which grow with time, so that their rows go where an index has room."""

from __future__ import annotations

import re
import secrets
import time
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_FORM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_entity_id() -> str:
    """Returns an id: 48 bits of milliseconds since 1970, then random ones."""
    milliseconds = time.time_ns() // 1_000_000
    low = secrets.randbits(74)
    return str(UUID(int=milliseconds << 80 | _VERSION | (low >> 62) << 64 | _VARIANT | low & (1 << 62) - 1))


def is_entity_id(text: str) -> bool:
    """Tells whether a text has the form of an id. Postgres takes nothing else where it expects one."""
    return _FORM.fullmatch(text) is not None

"""Ids of entities: UUIDs of version 7, which grow with time, so that their rows go where an index has room."""

from __future__ import annotations

import os
import re
import time

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_CHANCE = (1 << 76) - 1 & ~(0b11 << 62)
_FORM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_entity_id() -> str:
    """Returns an id: 48 bits of milliseconds since 1970, then random ones."""
    milliseconds = time.time_ns() // 1_000_000
    chance = int.from_bytes(os.urandom(10))
    # Not by UUID(), which takes three times as long: an ingestion needs many at once.
    digits = f"{milliseconds << 80 | chance & _CHANCE | _VERSION | _VARIANT:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_entity_id(text: str) -> bool:
    """Tells whether a text has the form of an id. Postgres takes nothing else where it expects one."""
    return _FORM.fullmatch(text) is not None

"""Hashes by which changes are told from repetitions."""

import hashlib
from typing import Any

import msgspec


def content_hash(value: Any) -> str:
    """Returns 40 hex digits for a JSON value; the order of an object's members does not count."""
    return text_hash(msgspec.json.encode(value, order="sorted"))


def text_hash(text: bytes | str) -> str:
    """Returns 40 hex digits for a text."""
    data = text.encode() if isinstance(text, str) else text
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()

"""Rows of the search index: what an entity can be found and sorted by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from understage.catalog.database.index import SearchRow
from understage.catalog_api import EntityJson

MAX_KEY_CHARACTERS = 200
MAX_VALUE_CHARACTERS = 200

_SKIPPED = frozenset(
    ("attachments", "relations", "status", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.etag")
)
_EXPONENT = re.compile(r"e([-+]?)0*(\d)")


def search_rows(entity_id: str, entity: EntityJson) -> list[SearchRow]:
    """Returns the index rows of a finished entity.

    Keys are dotted paths in lower case. A text in a list also gives a key of its own that ends in the text. Keys that
    differ only in case share their rows.

    Args:
        entity_id: the entity's id, its `metadata.uid`.
        entity: the entity as it is served.
    """
    rows: dict[tuple[str, str | None], SearchRow] = {}
    kind = entity["kind"].lower()
    for path, value in _pairs(entity):
        if len(path) > MAX_KEY_CHARACTERS:
            continue
        key = path.lower()
        original = None if value is None or len(value) > MAX_VALUE_CHARACTERS or "\0" in value else value
        lowered = original.lower() if original is not None else None
        rows.setdefault((key, lowered), SearchRow(entity_id, kind, key, lowered, original))
    return list(rows.values())


def _pairs(entity: EntityJson) -> Iterator[tuple[str, str | None]]:
    for key, value in entity.items():
        if key not in _SKIPPED:
            yield from _visit(key, value)
    metadata = entity["metadata"]
    yield "metadata.name", metadata["name"]
    yield "metadata.namespace", metadata.get("namespace") or "default"
    yield "metadata.uid", metadata["uid"]
    for relation in entity.get("relations", ()):
        yield f"relations.{relation['type']}", relation["targetRef"]


def _visit(path: str, value: Any) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, member in value.items():
            inner = f"{path}.{key}"
            if inner not in _SKIPPED:
                yield from _visit(inner, member)
    elif isinstance(value, list):
        for item in value:
            yield from _visit(path, item)
            if isinstance(item, str):
                yield f"{path}.{item}", "true"
    else:
        yield path, scalar_text(value)


def scalar_text(value: float | bool | None) -> str | None:
    """Returns a JSON scalar as JavaScript writes it as text, or None for null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return _EXPONENT.sub(lambda match: f"e{match[1] or '+'}{match[2]}", repr(value))

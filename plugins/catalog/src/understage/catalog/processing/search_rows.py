"""Rows of the search index: what an entity can be found and sorted by."""

from __future__ import annotations

import re
from typing import Any

from understage.catalog.database.index import SearchRow
from understage.catalog.query.key_numbers import key_number
from understage.catalog_api import EntityJson

MAX_KEY_CHARACTERS = 200
MAX_VALUE_CHARACTERS = 200

_SKIPPED = frozenset(
    ("attachments", "relations", "status", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.etag")
)
_EXPONENT = re.compile(r"e([-+]?)0*(\d)")


def search_rows(entity_id: str, entity: EntityJson) -> list[SearchRow]:
    """Returns the index rows of a finished entity: one for each of its `indexed_values`.

    Args:
        entity_id: the entity's id, its `metadata.uid`.
        entity: the entity as it is served.
    """
    kind = entity["kind"].lower()
    return [
        SearchRow(entity_id, kind, key_number(key), value, original)
        for (key, value), original in indexed_values(entity).items()
    ]


def indexed_values(entity: EntityJson) -> dict[tuple[str, str | None], str | None]:
    """Returns what an entity can be found by: keys and values in lower case, each pair with the value as it is.

    Keys are dotted paths. A text in a list also gives a key of its own that ends in the text. Keys that differ only in
    case share their values.

    Args:
        entity: the entity as it is served.
    """
    found: dict[tuple[str, str | None], str | None] = {}
    for path, text in _pairs(entity):
        if len(path) > MAX_KEY_CHARACTERS:
            continue
        if text is None or len(text) > MAX_VALUE_CHARACTERS or "\0" in text:
            found.setdefault((path.lower(), None), None)
        else:
            found.setdefault((path.lower(), text.lower()), text)
    return found


def _pairs(entity: EntityJson) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for key, value in entity.items():
        if key not in _SKIPPED:
            _visit(key, value, pairs)
    metadata = entity["metadata"]
    pairs += (
        ("metadata.name", metadata["name"]),
        ("metadata.namespace", metadata.get("namespace") or "default"),
        ("metadata.uid", metadata["uid"]),
    )
    pairs += [(f"relations.{relation['type']}", relation["targetRef"]) for relation in entity.get("relations", ())]
    return pairs


def _visit(path: str, value: Any, pairs: list[tuple[str, str | None]]) -> None:
    if isinstance(value, str):
        pairs.append((path, value))
    elif isinstance(value, dict):
        for key, member in value.items():
            inner = f"{path}.{key}"
            if inner not in _SKIPPED:
                _visit(inner, member, pairs)
    elif isinstance(value, list):
        for item in value:
            _visit(path, item, pairs)
            if isinstance(item, str):
                pairs.append((f"{path}.{item}", "true"))
    else:
        pairs.append((path, scalar_text(value)))


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

"""Cursors: where a listing goes on. They are base64 of JSON, which the official client looks into."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from understage.catalog.model.entity_ids import is_entity_id
from understage.catalog.query.json_texts import read_json
from understage.errors import InputError

LARGEST_NUMBER = 2**31 - 1


class OrderField(msgspec.Struct, frozen=True):
    """A field to sort by.

    Attributes:
        field: a dotted path.
        order: `asc` or `desc`; ascending if it is missing.
    """

    field: str
    order: str = "asc"


class FullTextFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A text that entities must contain.

    Attributes:
        term: the text.
        fields: where to look for it; by default in the sort field.
    """

    term: str | None = None
    fields: list[str] | None = None


class Cursor(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Everything that a further page of a query needs.

    Attributes:
        order_fields: what the listing is sorted by.
        is_previous: whether the page lies before the row that is named.
        full_text_filter: what entities must contain.
        filter: which entities are listed, from query parameters.
        query: which entities are listed, from a request body.
        order_field_values: sort value, if there is a sort field, and id of the row to go on from.
        first_sort_field_values: the same of the very first row.
        total_items: how many there were when the listing began.
    """

    order_fields: list[OrderField]
    is_previous: bool
    full_text_filter: FullTextFilter | None = None
    filter: Any = msgspec.UNSET
    query: Any = msgspec.UNSET
    order_field_values: list[str | None]
    first_sort_field_values: list[str | None]
    total_items: int | None = None


class AfterCursor(msgspec.Struct, frozen=True):
    """Where a listing of `GET /entities` goes on.

    Attributes:
        limit: how many on a page.
        offset: how many to leave out.
    """

    limit: int | None = None
    offset: int | None = None


def encode_cursor(cursor: Cursor | AfterCursor) -> str:
    """Returns the text of a cursor."""
    return base64.b64encode(msgspec.json.encode(cursor)).decode()


def decode_cursor(text: str) -> Cursor:
    """Reads a cursor of a query.

    Raises:
        InputError: it is not one that was handed out.
    """
    try:
        cursor = read_json(_decode(text), Cursor)
    except (binascii.Error, ValueError) as error:
        raise InputError("Malformed cursor, could not be parsed") from error
    if len(cursor.order_field_values) != 1 + bool(cursor.order_fields[:1]):
        raise InputError("Malformed cursor, its values do not fit its order")
    if not is_entity_id(cursor.order_field_values[-1] or ""):
        raise InputError("Malformed cursor, it does not end with the id of an entity")
    if any(field.order not in ("asc", "desc") for field in cursor.order_fields):
        raise InputError("Malformed cursor, its order must be asc or desc")
    return cursor


def decode_after(text: str) -> AfterCursor:
    """Reads an `after` cursor of `GET /entities`.

    Raises:
        InputError: it is not one that was handed out.
    """
    try:
        after = read_json(_decode(text), AfterCursor)
    except (binascii.Error, ValueError) as error:
        raise InputError("Malformed after cursor, could not be parsed") from error
    if (after.limit is not None and after.limit < 1) or (after.offset is not None and after.offset < 0):
        raise InputError("Malformed after cursor, its members must not be negative")
    if max(after.limit or 0, after.offset or 0) > LARGEST_NUMBER:
        raise InputError(f"Malformed after cursor, its members must not be above {LARGEST_NUMBER}")
    return after


def _decode(text: str) -> bytes:
    text = text.replace(" ", "+")  # a plus that was not percent-encoded
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded, validate=True)

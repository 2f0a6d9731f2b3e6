"""What requests for pages ask for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import msgspec

from understage.catalog.http.parameters import Parameters
from understage.catalog.http.responses import Header
from understage.catalog.paging import PageQuery
from understage.catalog.query.cursors import AfterCursor, FullTextFilter, OrderField, decode_after, encode_cursor
from understage.catalog.query.filters import parse_filters
from understage.errors import InputError


def page_query(parameters: Parameters) -> PageQuery:
    """Reads a query for a page from query parameters; how many are on it is given apart."""
    fields = [name for text in parameters.all("fullTextFilterFields") for name in text.split(",") if name]
    return PageQuery(
        filters=parse_filters(parameters.all("filter")),
        order_fields=[_parse_order_field(text) for text in parameters.all("orderField")],
        full_text=FullTextFilter(parameters.one("fullTextFilterTerm") or "", fields or None),
        offset=parameters.number("offset") or 0,
        counts=parameters.one("totalItems") != "exclude",
    )


def body_query(body: dict[str, Any]) -> PageQuery:
    """Reads a query for a page from a request's body; how many are on it is given apart."""
    full_text = body.get("fullTextFilter")
    return PageQuery(
        query=body.get("query", msgspec.UNSET),
        order_fields=[OrderField(one["field"], one["order"]) for one in body.get("orderBy", ())],
        full_text=None if full_text is None else FullTextFilter(full_text.get("term"), full_text.get("fields")),
        offset=int(body.get("offset", 0)),
        counts=body.get("totalItems") != "exclude",
    )


def parse_order(text: str) -> tuple[str, bool]:
    """Reads a direction and a key: `asc:metadata.name`.

    Raises:
        InputError: it is something else.
    """
    direction, colon, field = text.partition(":")
    if direction not in ("asc", "desc") or not colon or not field:
        raise InputError(f'Invalid order parameter "{text}", expected "<asc or desc>:<field name>"')
    return field.lower(), direction == "asc"


def _parse_order_field(text: str) -> OrderField:
    field, comma, order = text.partition(",")
    if comma and order not in ("asc", "desc"):
        raise InputError("Invalid order field order, must be asc or desc")
    if not field:
        raise InputError("Invalid order field, its name is missing")
    return OrderField(field, order or "asc")


def next_link(parameters: Parameters, position: AfterCursor) -> Header:
    """Returns the header that leads to the next page of `GET /entities`."""
    after = AfterCursor(position.limit, (position.offset or 0) + (position.limit or 0))
    pairs = [(name, value) for name, value in parameters.pairs if name not in ("offset", "after")]
    query = "&".join(f"{name}={_form_encoded(value)}" for name, value in [*pairs, ("after", encode_cursor(after))])
    return b"link", f'</entities?{query}>; rel="next"'.encode("latin-1")


def _form_encoded(value: str) -> str:
    return quote_plus(value, safe="*").replace("~", "%7E")


def offset_position(parameters: Parameters) -> AfterCursor:
    """Returns where a page of `GET /entities` begins and how long it is.

    Raises:
        InputError: the limit is below one, or the position is none that was handed out.
    """
    after = parameters.one("after")
    position = decode_after(after) if after is not None else AfterCursor()
    limit = position.limit if position.limit is not None else parameters.number("limit")
    if limit is not None and limit < 1:
        raise InputError("Invalid limit, must be greater than zero")
    return AfterCursor(limit, position.offset if position.offset is not None else parameters.number("offset"))

"""Pages of entities: what one is asked for by, and the cursors that lead from it to the next and the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from understage.catalog.database.pages import PageRow
from understage.catalog.query.cursors import Cursor, FullTextFilter, OrderField
from understage.catalog.query.filters import FilterSet, filter_predicate, filters_from_json, filters_to_json
from understage.catalog.query.json_predicates import parse_predicate
from understage.catalog.query.predicates import HasText, Predicate, all_of
from understage.errors import InputError

DEFAULT_PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A query for a page.

    Attributes:
        filters: filter sets of query parameters.
        query: predicate of a request body, or `msgspec.UNSET`.
        order_fields: what to sort by; the first one counts.
        full_text: what entities must contain.
        limit: how many on the page.
        offset: how many to leave out before the first page.
        counts: whether the total is wanted.
    """

    filters: Sequence[FilterSet] = ()
    query: Any = msgspec.UNSET
    order_fields: Sequence[OrderField] = ()
    full_text: FullTextFilter | None = None
    limit: int = DEFAULT_PAGE_SIZE
    offset: int = 0
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A page of entities.

    Attributes:
        items: JSON texts of the entities.
        total: how many there are on all pages.
        next: the cursor of the next page, if there is one.
        previous: the cursor of the page before, if there is one.
    """

    items: list[str] = field(default_factory=list)
    total: int = 0
    next: Cursor | None = None
    previous: Cursor | None = None


def order_of(fields: Sequence[OrderField]) -> tuple[str | None, bool]:
    """Returns what pages are sorted by, None for the id, and whether values ascend; the first field counts."""
    return (fields[0].field.lower(), fields[0].order == "asc") if fields else (None, True)


def position_of(row: PageRow, sort_key: str | None) -> list[str | None]:
    """Returns the values by which a cursor finds the place of an entity."""
    return [row[1]] if sort_key is None else [row[0], row[1]]


def query_predicate(query: PageQuery) -> Predicate:
    """Returns what entities must meet."""
    return _predicate(query.filters, query.query, query.full_text, query.order_fields)


def cursor_predicate(cursor: Cursor) -> Predicate:
    """Returns what entities must meet on the pages that a cursor leads to.

    Raises:
        InputError: the cursor is not one that was handed out.
    """
    try:
        filters = [] if cursor.filter is msgspec.UNSET else filters_from_json(cursor.filter)
    except ValueError as error:
        raise InputError("Malformed cursor, its filter could not be read") from error
    return _predicate(filters, cursor.query, cursor.full_text_filter, cursor.order_fields)


def first_page(query: PageQuery, rows: list[PageRow], total: int) -> Page:
    """Returns the first page of a query.

    Args:
        query: what was asked.
        rows: what was found, one more than the page holds if there is more.
        total: how many entities there are on all pages.
    """
    if len(rows) <= query.limit:
        return Page([row[2] for row in rows], total)
    rows = rows[: query.limit]
    sort_key, _ = order_of(query.order_fields)
    cursor = Cursor(
        order_fields=list(query.order_fields[:1]),
        is_previous=False,
        full_text_filter=query.full_text,
        filter=filters_to_json(query.filters) if query.filters else msgspec.UNSET,
        query=query.query,
        order_field_values=position_of(rows[-1], sort_key),
        first_sort_field_values=position_of(rows[0], sort_key),
        total_items=total,
    )
    return Page([row[2] for row in rows], total, next=cursor)


def page_of(cursor: Cursor, rows: list[PageRow], limit: int) -> Page:
    """Returns the page that a cursor has led to.

    Args:
        cursor: what was asked.
        rows: what was found in its direction, one more than the page holds if there is more.
        limit: how many the page holds.
    """
    total = cursor.total_items or 0
    has_more = len(rows) > limit
    rows = rows[:limit]
    if not rows:
        return Page(total=total)
    if cursor.is_previous:
        rows.reverse()
    sort_key, _ = order_of(cursor.order_fields)
    first, last = position_of(rows[0], sort_key), position_of(rows[-1], sort_key)
    following = msgspec.structs.replace(cursor, is_previous=False, order_field_values=last)
    preceding = msgspec.structs.replace(cursor, is_previous=True, order_field_values=first)
    return Page(
        [row[2] for row in rows],
        total,
        next=following if has_more or cursor.is_previous else None,
        previous=None if first == cursor.first_sort_field_values else preceding,
    )


def _predicate(
    filters: Sequence[FilterSet], query: Any, full_text: FullTextFilter | None, order: Sequence[OrderField]
) -> Predicate:
    conditions = [filter_predicate(filters)]
    if query is not msgspec.UNSET:
        conditions.append(parse_predicate(query))
    term = ((full_text.term if full_text else None) or "").strip().lower()
    if term:
        sort_key, _ = order_of(order)
        fields = (full_text.fields if full_text else None) or [sort_key or "metadata.uid"]
        conditions.append(HasText(tuple(name.lower() for name in fields), term))
    return all_of(*conditions)

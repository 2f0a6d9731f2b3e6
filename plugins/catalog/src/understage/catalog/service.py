"""What the catalog answers: entities by name, listings, pages and facets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from understage.catalog.database import pages, reads
from understage.catalog.database.pages import ALWAYS_THERE, PageRow, PageStart
from understage.catalog.planning import Planner
from understage.catalog.query.cursors import Cursor, FullTextFilter, OrderField
from understage.catalog.query.filters import FilterSet, filter_predicate, filters_from_json, filters_to_json
from understage.catalog.query.json_predicates import parse_predicate
from understage.catalog.query.predicates import EVERYTHING, NOTHING, HasText, Predicate, all_of
from understage.catalog.query.restriction import restricted
from understage.catalog.totals import Totals
from understage.catalog_api import EntityRef
from understage.errors import InputError, NotFoundError
from understage.plugin_api import DatabaseService

STREAM_CHUNK = 1000
"""Entities that are read at once at most."""
CHUNK_CHARACTERS = 1024 * 1024
"""About how much is read at once: some entities hold whole API definitions."""
FIRST_CHUNK = 100
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


class EntitiesCatalog:
    """Reads entities.

    Args:
        database: the catalog's database.
        totals: remembers counts until something changes.

    Attributes:
        totals: the same.
    """

    def __init__(self, database: DatabaseService, totals: Totals) -> None:
        self.totals = totals
        self._database = database
        self._planner = Planner(database, totals)

    async def by_name(self, ref: EntityRef, readable: Predicate = EVERYTHING) -> str:
        """Returns the JSON text of an entity.

        Args:
            ref: its name.
            readable: which entities are shown.

        Raises:
            NotFoundError: there is none of this name, or it is not shown.
        """
        text = await reads.find_by_ref(self._database, str(ref), readable)
        if text is None:
            raise NotFoundError(
                f"No entity named '{ref.name}' found, with kind '{ref.kind}' in namespace '{ref.namespace}'"
            )
        return text

    async def by_uid(self, uid: str, readable: Predicate = EVERYTHING) -> str:
        """Returns the JSON text of an entity.

        Args:
            uid: its id.
            readable: which entities are shown.

        Raises:
            NotFoundError: there is none with this id, or it is not shown.
        """
        text = await reads.find_by_id(self._database, uid.lower(), readable)
        if text is None:
            raise NotFoundError(f"No entity with uid {uid}")
        return text

    async def by_refs(self, refs: Sequence[str], predicate: Predicate) -> list[str | None]:
        """Returns JSON texts in the order of the names; None for what does not exist or does not match."""
        lowered = [ref.lower() for ref in refs]
        is_asked = bool(refs) and predicate != NOTHING
        found = await reads.find_by_refs(self._database, lowered, predicate) if is_asked else {}
        return [found.get(ref) for ref in lowered]

    async def listing(
        self, predicate: Predicate, order: Sequence[tuple[str, bool]], *, limit: int | None, offset: int
    ) -> list[str]:
        """Returns JSON texts by offset, sorted by several keys; entities without a value come last."""
        if predicate == NOTHING:
            return []
        if limit is not None and len(order) == 1 and order[0][1] and order[0][0] in ALWAYS_THERE:
            rows = await self._find_page(predicate, order[0][0], ascending=True, limit=limit, offset=offset)
            return [row[2] for row in rows]
        return await reads.find_ordered(self._database, predicate, order, limit=limit, offset=offset)

    async def _find_page(
        self,
        predicate: Predicate,
        sort_key: str | None,
        *,
        ascending: bool,
        limit: int,
        offset: int = 0,
        start: PageStart | None = None,
    ) -> list[PageRow]:
        if predicate == NOTHING:
            return []
        driver = await self._planner.driver(predicate, sort_key, limit + offset)
        return await pages.find_page(
            self._database,
            predicate,
            sort_key,
            ascending=ascending,
            limit=limit,
            offset=offset,
            start=start,
            driver=driver,
            few=await self._planner.few(predicate),
        )

    async def stream(self, predicate: Predicate, order: Sequence[tuple[str, bool]]) -> AsyncIterator[list[str]]:
        """Yields the JSON texts of all entities in chunks, sorted by the first key; those without it are left out."""
        sort_key, ascending = order[0] if order else (None, True)
        start: PageStart | None = None
        size = min(FIRST_CHUNK, STREAM_CHUNK)
        while True:
            rows = await self._find_page(predicate, sort_key, ascending=ascending, start=start, limit=size)
            texts = [row[2] for row in rows]
            if texts:
                yield texts
            if len(rows) < size:
                return
            start = PageStart(_values(rows[-1], sort_key))
            size = next_chunk(texts)

    async def long_listing(
        self, predicate: Predicate, order: Sequence[tuple[str, bool]], *, limit: int | None, offset: int
    ) -> tuple[AsyncIterator[list[str]], bool]:
        """Returns chunks of a listing that may be too long to be held, and whether there is more after it."""
        wanted = None if limit is None else limit + 1
        ids: list[str] = []
        if predicate != NOTHING:
            ids = await reads.find_ordered_ids(self._database, predicate, order, limit=wanted, offset=offset)
        has_more = limit is not None and len(ids) > limit
        return self._texts(ids[:limit]), has_more

    async def _texts(self, ids: Sequence[str]) -> AsyncIterator[list[str]]:
        done, size = 0, min(FIRST_CHUNK, STREAM_CHUNK)
        while done < len(ids):
            texts = await reads.find_by_ids(self._database, ids[done : done + size])
            if texts:
                yield texts
            done, size = done + size, next_chunk(texts)

    async def following(self, first: Page, limit: int, readable: Predicate = EVERYTHING) -> AsyncIterator[Page]:
        """Yields the pages after a page, each as large as is well held, until together they have so many entities.

        Args:
            first: the page.
            limit: how many there may be on all of them.
            readable: which entities are shown.
        """
        page, left = first, limit
        while page.next is not None and left > 0:
            page = await self.page_at(page.next, min(left, next_chunk(page.items)), readable)
            left -= len(page.items)
            yield page

    async def page(self, query: PageQuery, readable: Predicate = EVERYTHING) -> Page:
        """Returns the first page of a query.

        Args:
            query: what is asked.
            readable: which entities are shown. Cursors do not tell it: it is given anew for each page.
        """
        order = list(query.order_fields[:1])
        sort_key = order[0].field.lower() if order else None
        ascending = not order or order[0].order == "asc"
        predicate = restricted(_predicate(query.filters, query.query, query.full_text, sort_key), readable)
        if predicate == NOTHING:
            return Page()
        total = await self._planner.count(predicate, sort_key) if query.counts else 0
        if query.limit == 0:
            return Page(total=total)
        rows = await self._find_page(
            predicate, sort_key, ascending=ascending, limit=query.limit + 1, offset=query.offset
        )
        if len(rows) <= query.limit:
            return Page([row[2] for row in rows], total)
        rows.pop()
        cursor = Cursor(
            order_fields=order,
            is_previous=False,
            full_text_filter=query.full_text,
            filter=filters_to_json(query.filters) if query.filters else msgspec.UNSET,
            query=query.query,
            order_field_values=_values(rows[-1], sort_key),
            first_sort_field_values=_values(rows[0], sort_key),
            total_items=total,
        )
        return Page([row[2] for row in rows], total, next=cursor)

    async def page_at(self, cursor: Cursor, limit: int, readable: Predicate = EVERYTHING) -> Page:
        """Returns the page that a cursor leads to.

        Args:
            cursor: where to go on.
            limit: how many on the page.
            readable: which entities are shown.

        Raises:
            InputError: the cursor is not one that was handed out.
        """
        order = cursor.order_fields[:1]
        sort_key = order[0].field.lower() if order else None
        upwards = (not order or order[0].order == "asc") is not cursor.is_previous
        predicate = restricted(_cursor_predicate(cursor, sort_key), readable)
        if predicate == NOTHING:
            return Page()
        total = cursor.total_items or 0
        if limit == 0:
            return Page(total=total)
        rows = await self._find_page(
            predicate,
            sort_key,
            ascending=upwards,
            start=PageStart(cursor.order_field_values),
            limit=limit + 1,
        )
        has_more = len(rows) > limit
        rows = rows[:limit]
        if cursor.is_previous:
            rows.reverse()
        if not rows:
            return Page(total=total)
        following = msgspec.structs.replace(cursor, is_previous=False, order_field_values=_values(rows[-1], sort_key))
        preceding = msgspec.structs.replace(cursor, is_previous=True, order_field_values=_values(rows[0], sort_key))
        is_first = _values(rows[0], sort_key) == cursor.first_sort_field_values
        return Page(
            [row[2] for row in rows],
            total,
            next=following if has_more or cursor.is_previous else None,
            previous=None if is_first else preceding,
        )

    async def facets(self, facets: Sequence[str], predicate: Predicate) -> dict[str, list[dict[str, Any]]]:
        """Returns for each facet its values and how many entities have them."""
        return {
            facet: [
                {"value": value, "count": number}
                for value, number in await self._planner.facet(facet.lower(), predicate)
            ]
            for facet in facets
        }


def next_chunk(texts: Sequence[str]) -> int:
    """Returns how many entities to read next, if they are about as long as these."""
    characters = sum(map(len, texts)) // max(len(texts), 1) + 1
    return max(1, min(STREAM_CHUNK, CHUNK_CHARACTERS // characters))


def _values(row: PageRow, sort_key: str | None) -> list[str | None]:
    return [row[1]] if sort_key is None else [row[0], row[1]]


def _predicate(
    filters: Sequence[FilterSet], query: Any, full_text: FullTextFilter | None, sort_key: str | None
) -> Predicate:
    conditions = [filter_predicate(filters)]
    if query is not msgspec.UNSET:
        conditions.append(parse_predicate(query))
    term = ((full_text.term if full_text else None) or "").strip().lower()
    if term:
        fields = (full_text.fields if full_text else None) or [sort_key or "metadata.uid"]
        conditions.append(HasText(tuple(name.lower() for name in fields), term))
    return all_of(*conditions)


def _cursor_predicate(cursor: Cursor, sort_key: str | None) -> Predicate:
    try:
        filters = [] if cursor.filter is msgspec.UNSET else filters_from_json(cursor.filter)
    except ValueError as error:
        raise InputError("Malformed cursor, its filter could not be read") from error
    return _predicate(filters, cursor.query, cursor.full_text_filter, sort_key)

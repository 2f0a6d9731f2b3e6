"""What the catalog answers: entities by name, listings, pages and facets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from understage.catalog.database import pages, reads
from understage.catalog.database.pages import ALWAYS_THERE, PageRow, PageStart
from understage.catalog.paging import (
    Page,
    PageQuery,
    cursor_predicate,
    first_page,
    order_of,
    page_of,
    position_of,
    query_predicate,
)
from understage.catalog.planning import Planner
from understage.catalog.query.cursors import Cursor
from understage.catalog.query.predicates import EVERYTHING, NOTHING, Predicate
from understage.catalog.query.restriction import restricted
from understage.catalog.totals import Totals
from understage.catalog_api import EntityRef
from understage.errors import NotFoundError
from understage.plugin_api import DatabaseService

STREAM_CHUNK = 1000
"""Entities that are read at once at most."""
CHUNK_CHARACTERS = 1024 * 1024
"""About how much is read at once: some entities hold whole API definitions."""
FIRST_CHUNK = 100


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
            start = PageStart(position_of(rows[-1], sort_key))
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
        sort_key, ascending = order_of(query.order_fields)
        predicate = restricted(query_predicate(query), readable)
        if predicate == NOTHING:
            return Page()
        total = await self._planner.count(predicate, sort_key) if query.counts else 0
        if query.limit == 0:
            return Page(total=total)
        rows = await self._find_page(
            predicate, sort_key, ascending=ascending, limit=query.limit + 1, offset=query.offset
        )
        return first_page(query, rows, total)

    async def page_at(self, cursor: Cursor, limit: int, readable: Predicate = EVERYTHING) -> Page:
        """Returns the page that a cursor leads to.

        Args:
            cursor: where to go on.
            limit: how many on the page.
            readable: which entities are shown.

        Raises:
            InputError: the cursor is not one that was handed out.
        """
        sort_key, ascending = order_of(cursor.order_fields)
        predicate = restricted(cursor_predicate(cursor), readable)
        if predicate == NOTHING:
            return Page()
        if limit == 0:
            return Page(total=cursor.total_items or 0)
        rows = await self._find_page(
            predicate,
            sort_key,
            ascending=ascending is not cursor.is_previous,
            start=PageStart(cursor.order_field_values),
            limit=limit + 1,
        )
        return page_of(cursor, rows, limit)

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

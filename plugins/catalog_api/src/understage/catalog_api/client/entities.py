"""The client's calls about entities."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

from understage.catalog_api.client.answers import EntitiesPage, EntityAncestors, EntityFacet
from understage.catalog_api.client.filters import EntityFilter, Predicate, as_predicate, filter_parameters, is_sayable
from understage.catalog_api.client.queries import EntitiesQuery, Order, TotalItems, given, joined, present
from understage.catalog_api.client.transport import Transport, entity_path, segment
from understage.catalog_api.entity import EntityJson
from understage.catalog_api.refs import EntityRef, parse_entity_ref

MAX_REFS_PER_REQUEST = 1000
MAX_REFS_BYTES_PER_REQUEST = 90 * 1024
STREAM_PAGE_SIZE = 500


class _RefsAnswer(msgspec.Struct):
    items: list[EntityJson | None]


class _FacetsAnswer(msgspec.Struct):
    facets: dict[str, list[EntityFacet]]


class EntitiesClient:
    """The calls about entities. Every one raises `ResponseError` if the catalog refuses."""

    _transport: Transport

    async def get_entities(
        self,
        *,
        filter: EntityFilter | None = None,
        fields: Sequence[str] = (),
        order: Sequence[Order] = (),
        offset: int | None = None,
        limit: int | None = None,
        after: str | None = None,
        token: str | None = None,
    ) -> list[EntityJson]:
        """Returns all entities that match; prefer `query_entities` or `stream_entities`, which page.

        Args:
            filter: what to match; nothing matches everything.
            fields: dotted paths of the members wanted; all by default.
            order: fields to sort by.
            offset: how many to leave out.
            limit: how many at most.
            after: where to go on, from the `link` header of the page before.
            token: proves who asks.

        Raises:
            InputError: this call cannot say the filter; `query_entities` can.
            ResponseError: the catalog refused.
        """
        parameters = [*filter_parameters(filter), *joined("fields", fields)]
        parameters += [("order", f"{direction}:{field}") for field, direction in order]
        parameters += present(offset=offset, limit=limit, after=after)
        answer = await self._transport.ask("GET", "/entities", token=token, parameters=parameters)
        return msgspec.json.decode(answer, type=list[EntityJson])

    async def query_entities(
        self,
        *,
        filter: EntityFilter | None = None,
        query: Predicate | None = None,
        fields: Sequence[str] = (),
        order: Sequence[Order] = (),
        offset: int | None = None,
        limit: int | None = None,
        full_text_term: str | None = None,
        full_text_fields: Sequence[str] = (),
        total_items: TotalItems | None = None,
        cursor: str | None = None,
        token: str | None = None,
    ) -> EntitiesPage:
        """Returns a page of entities.

        Args:
            filter: what to match; nothing matches everything.
            query: a predicate that must hold as well.
            fields: dotted paths of the members wanted; all by default.
            order: the field to sort by; entities without it are left out.
            offset: how many to leave out before the first page.
            limit: how many on this page at most.
            full_text_term: text that one of `full_text_fields` must contain.
            full_text_fields: where to look for it; by default the sort field.
            total_items: `exclude` spares the catalog counting them.
            cursor: of another page; everything but `fields` and `limit` comes from it then.
            token: proves who asks.

        Raises:
            ResponseError: the catalog refused.
        """
        asked = EntitiesQuery(
            filter,
            query,
            fields,
            order,
            offset,
            limit,
            full_text_term or "",
            full_text_fields,
            total_items,
            cursor,
        )
        path = "/entities/by-query"
        if asked.needs_predicate:
            answer = await self._transport.ask("POST", path, token=token, body=asked.body())
        else:
            answer = await self._transport.ask("GET", path, token=token, parameters=asked.parameters())
        return msgspec.json.decode(answer, type=EntitiesPage)

    async def stream_entities(
        self,
        *,
        filter: EntityFilter | None = None,
        query: Predicate | None = None,
        fields: Sequence[str] = (),
        order: Sequence[Order] = (),
        full_text_term: str | None = None,
        full_text_fields: Sequence[str] = (),
        page_size: int = STREAM_PAGE_SIZE,
        token: str | None = None,
    ) -> AsyncIterator[list[EntityJson]]:
        """Yields all entities that match, page by page.

        Args:
            filter: what to match; nothing matches everything.
            query: a predicate that must hold as well.
            fields: dotted paths of the members wanted; all by default.
            order: the field to sort by; entities without it are left out.
            full_text_term: text that one of `full_text_fields` must contain.
            full_text_fields: where to look for it; by default the sort field.
            page_size: how many on a page at most.
            token: proves who asks.

        Raises:
            ResponseError: the catalog refused.
        """
        page = await self.query_entities(
            filter=filter,
            query=query,
            fields=fields,
            order=order,
            limit=page_size,
            full_text_term=full_text_term,
            full_text_fields=full_text_fields,
            total_items="exclude",
            token=token,
        )
        while True:
            if page.items:
                yield page.items
            if page.page_info.next_cursor is None:
                return
            page = await self.query_entities(
                cursor=page.page_info.next_cursor, fields=fields, limit=page_size, token=token
            )

    async def get_entity_by_ref(self, ref: str | EntityRef, *, token: str | None = None) -> EntityJson | None:
        """Returns an entity, or None if there is none of this name.

        Args:
            ref: its whole name.
            token: proves who asks.

        Raises:
            EntityRefError: `ref` is no reference or lacks the kind.
            ResponseError: the catalog refused.
        """
        answer = await self._transport.ask_for_one(f"/entities/by-name/{entity_path(ref)}", token=token)
        return None if answer is None else msgspec.json.decode(answer, type=EntityJson)

    async def get_entities_by_refs(
        self,
        refs: Sequence[str | EntityRef],
        *,
        fields: Sequence[str] = (),
        filter: EntityFilter | None = None,
        query: Predicate | None = None,
        token: str | None = None,
    ) -> list[EntityJson | None]:
        """Returns entities in the order of the names given, None for what does not exist or does not match.

        Args:
            refs: their whole names; any number, asked for in several requests if need be.
            fields: dotted paths of the members wanted; all by default.
            filter: what they must match as well.
            query: a predicate that must hold as well.
            token: proves who asks.

        Raises:
            EntityRefError: one of `refs` is no reference or lacks the kind.
            ResponseError: the catalog refused.
        """
        by_predicate = query is not None or not is_sayable(filter)
        parameters = [] if by_predicate else filter_parameters(filter)
        more = given({"fields": list(fields), "query": as_predicate(filter, query) if by_predicate else None})
        found: list[EntityJson | None] = []
        for chunk in _chunks([str(parse_entity_ref(ref)) for ref in refs]):
            body = {"entityRefs": chunk, **more}
            answer = await self._transport.ask(
                "POST", "/entities/by-refs", token=token, parameters=parameters, body=body
            )
            found += msgspec.json.decode(answer, type=_RefsAnswer).items
        return found

    async def get_entity_ancestors(self, ref: str | EntityRef, *, token: str | None = None) -> EntityAncestors:
        """Returns an entity and all that led to it.

        Args:
            ref: its whole name.
            token: proves who asks.

        Raises:
            EntityRefError: `ref` is no reference or lacks the kind.
            ResponseError: the catalog refused, or there is no such entity.
        """
        answer = await self._transport.ask("GET", f"/entities/by-name/{entity_path(ref)}/ancestry", token=token)
        return msgspec.json.decode(answer, type=EntityAncestors)

    async def get_entity_facets(
        self,
        facets: Sequence[str],
        *,
        filter: EntityFilter | None = None,
        query: Predicate | None = None,
        token: str | None = None,
    ) -> dict[str, list[EntityFacet]]:
        """Returns, for each facet, its values and how many entities have them.

        Args:
            facets: dotted paths such as `spec.type`, `metadata.tags` or `relations.ownedBy`.
            filter: which entities to count; all by default.
            query: a predicate that must hold as well.
            token: proves who asks.

        Raises:
            ResponseError: the catalog refused.
        """
        path = "/entity-facets"
        if query is None and is_sayable(filter):
            parameters = [*(("facet", facet) for facet in facets), *filter_parameters(filter)]
            answer = await self._transport.ask("GET", path, token=token, parameters=parameters)
        else:
            body = {"facets": list(facets), "query": as_predicate(filter, query)}
            answer = await self._transport.ask("POST", path, token=token, body=body)
        return msgspec.json.decode(answer, type=_FacetsAnswer).facets

    async def refresh_entity(self, ref: str | EntityRef, *, token: str | None = None) -> None:
        """Asks the catalog to process an entity, and the locations above it, as soon as possible.

        Args:
            ref: its whole name.
            token: proves who asks.

        Raises:
            EntityRefError: `ref` is no reference or lacks the kind.
            ResponseError: the catalog refused, or there is no such entity.
        """
        await self._transport.ask("POST", "/refresh", token=token, body={"entityRef": str(parse_entity_ref(ref))})

    async def remove_entity_by_uid(self, uid: str, *, token: str | None = None) -> None:
        """Removes an entity; what still leads to it brings it back.

        Args:
            uid: its `metadata.uid`.
            token: proves who asks.

        Raises:
            ResponseError: the catalog refused.
        """
        await self._transport.ask("DELETE", f"/entities/by-uid/{segment(uid)}", token=token)


def _chunks(refs: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for ref in refs:
        cost = len(ref.encode()) + 3
        if chunk and (len(chunk) >= MAX_REFS_PER_REQUEST or size + cost > MAX_REFS_BYTES_PER_REQUEST):
            yield chunk
            chunk, size = [], 0
        chunk.append(ref)
        size += cost
    if chunk:
        yield chunk

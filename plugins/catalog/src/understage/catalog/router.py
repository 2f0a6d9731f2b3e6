"""The catalog's HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from understage.catalog import service
from understage.catalog.auditing import Audit
from understage.catalog.http import operations
from understage.catalog.http.gate import Gate
from understage.catalog.http.page_queries import body_query, next_link, offset_position, page_query, parse_order
from understage.catalog.http.parameters import Parameters
from understage.catalog.http.replies import Replies, Reply, computed_reply, digest, projected_texts, stored_reply
from understage.catalog.http.responses import send_stream, send_text
from understage.catalog.http.routing import Request, Routes
from understage.catalog.paging import DEFAULT_PAGE_SIZE, Page, PageQuery
from understage.catalog.query.cursors import (
    AfterCursor,
    Cursor,
    decode_cursor,
    encode_cursor,
)
from understage.catalog.query.filters import filter_predicate, parse_filters
from understage.catalog.query.json_predicates import parse_predicate
from understage.catalog.query.predicates import EVERYTHING, Predicate, all_of
from understage.catalog.query.projection import parse_fields, project
from understage.catalog.query.restriction import restricted
from understage.catalog.service import EntitiesCatalog
from understage.catalog_api import DEFAULT_NAMESPACE, EntityRef
from understage.errors import InputError

_FACETS_MISSING = "Missing or empty facets parameter"
LONGEST_PAGE_BACK = 10_000


def create_router(catalog: EntitiesCatalog, gate: Gate) -> Routes:
    """Returns the ASGI app that serves the catalog's reads.

    Args:
        catalog: what answers them.
        gate: tells who asks, and what they may see.
    """
    api = CatalogApi(catalog, gate)
    routes = Routes()
    routes.add(operations.GET_ENTITIES, api.get_entities)
    routes.add(operations.GET_BY_QUERY, api.get_by_query)
    routes.add(operations.POST_BY_QUERY, api.post_by_query)
    routes.add(operations.POST_BY_REFS, api.post_by_refs)
    routes.add(operations.GET_BY_NAME, api.get_by_name)
    routes.add(operations.GET_BY_UID, api.get_by_uid)
    routes.add(operations.GET_FACETS, api.get_facets)
    routes.add(operations.POST_FACETS, api.post_facets)
    return routes


class CatalogApi:
    """The handlers of the catalog's reads.

    Args:
        catalog: what answers them.
        gate: tells who asks, and what they may see.
    """

    def __init__(self, catalog: EntitiesCatalog, gate: Gate) -> None:
        self._catalog = catalog
        self._gate = gate
        self._replies = Replies(catalog.totals)

    async def get_by_name(self, request: Request) -> None:
        """Sends an entity by its name."""
        ref = EntityRef(*request.path)
        async with self._gate.audit(request, "entity-fetch", queryType="by-name", entityRef=str(ref)):
            text = await self._catalog.by_name(ref, await self._gate.readable(request))
            await send_text(request.send, text)

    async def get_by_uid(self, request: Request) -> None:
        """Sends an entity by its id."""
        uid = request.path[0]
        async with self._gate.audit(request, "entity-fetch", queryType="by-uid", uid=uid) as audit:
            text = await self._catalog.by_uid(uid, await self._gate.readable(request))
            audit.tell({"entities": [_ref_of(text)]})
            await send_text(request.send, text)

    async def get_entities(self, request: Request) -> None:
        """Sends a listing: all entities in a stream, or a page by offset."""
        parameters = request.parameters
        async with self._gate.audit(request, "entity-fetch", queryType="all", query=parameters.texts):
            await self._send_entities(request, parameters)

    async def _send_entities(self, request: Request, parameters: Parameters) -> None:
        readable = await self._gate.readable(request)
        predicate = restricted(filter_predicate(parse_filters(parameters.all("filter"))), readable)
        fields = parse_fields(parameters.all("fields"))
        order = [parse_order(text) for text in parameters.all("order")]
        if not any(parameters.all(name) for name in ("limit", "offset", "after")):
            chunks = self._catalog.stream(predicate, order)
            await send_stream(request.send, (projected_texts(texts, fields) async for texts in chunks))
            return
        position = offset_position(parameters)
        if position.limit is not None and position.limit <= service.STREAM_CHUNK:
            key = (request.operation.id, digest(request.scope["query_string"]), readable)
            reply = await self._replies.remembered(
                key, lambda: self._listed(parameters, position, predicate, order, fields)
            )
            await reply.send(request.scope, request.send)
            return
        chunks, has_more = await self._catalog.long_listing(
            predicate, order, limit=position.limit, offset=position.offset or 0
        )
        headers = [next_link(parameters, position)] if has_more else []
        await send_stream(request.send, (projected_texts(texts, fields) async for texts in chunks), headers=headers)

    async def _listed(
        self,
        parameters: Parameters,
        position: AfterCursor,
        predicate: Predicate,
        order: Sequence[tuple[str, bool]],
        fields: Sequence[str],
    ) -> Reply:
        limit = position.limit or 0
        texts = await self._catalog.listing(predicate, order, limit=limit + 1, offset=position.offset or 0)
        headers = [next_link(parameters, position)] if len(texts) > limit else []
        if fields:
            return computed_reply([project(msgspec.json.decode(text), fields) for text in texts[:limit]], headers)
        return stored_reply(f"[{','.join(texts[:limit])}]", headers)

    async def get_by_query(self, request: Request) -> None:
        """Sends a page of a query."""
        parameters = request.parameters
        async with self._gate.audit(request, "entity-fetch", queryType="by-query") as audit:
            cursor = parameters.one("cursor")
            number = parameters.number("limit")
            await self._send_query(
                request,
                audit,
                decode_cursor(cursor) if cursor is not None else page_query(parameters),
                DEFAULT_PAGE_SIZE if number is None else number,
                parse_fields(parameters.all("fields")),
                request.scope["query_string"],
            )

    async def post_by_query(self, request: Request) -> None:
        """Sends a page of a query that is written in the body."""
        body = await request.body()
        async with self._gate.audit(request, "entity-fetch", queryType="by-query") as audit:
            cursor: str | None = body.get("cursor")
            if cursor == "":
                raise InputError("Cursor cannot be empty")
            await self._send_query(
                request,
                audit,
                decode_cursor(cursor) if cursor is not None else body_query(body),
                int(body.get("limit", DEFAULT_PAGE_SIZE)),
                parse_fields(body.get("fields", ())),
                msgspec.json.encode(body),
            )

    async def _send_query(
        self,
        request: Request,
        audit: Audit,
        query: PageQuery | Cursor,
        limit: int,
        fields: Sequence[str],
        identity: bytes,
    ) -> None:
        readable = await self._gate.readable(request)
        if isinstance(query, Cursor) and query.is_previous:
            # Read backwards, so the first ones are known only when all are.
            limit = min(limit, LONGEST_PAGE_BACK)
        elif limit > service.STREAM_CHUNK:
            await self._stream_query(request, audit, query, limit, fields, readable)
            return

        async def make() -> Reply:
            return _page_reply(await self._page(query, limit, readable), fields)

        reply = await self._replies.remembered((request.operation.id, digest(identity), readable), make)
        audit.tell(reply.told)
        await reply.send(request.scope, request.send)

    async def _page(self, query: PageQuery | Cursor, limit: int, readable: Predicate) -> Page:
        if isinstance(query, Cursor):
            return await self._catalog.page_at(query, limit, readable)
        return await self._catalog.page(replace(query, limit=limit), readable)

    async def _stream_query(
        self,
        request: Request,
        audit: Audit,
        query: PageQuery | Cursor,
        limit: int,
        fields: Sequence[str],
        readable: Predicate,
    ) -> None:
        """Sends a page that may be too large to be held: piece by piece, the same text in the end."""
        first = last = await self._page(query, min(limit, service.FIRST_CHUNK), readable)

        async def chunks() -> AsyncIterator[list[str]]:
            nonlocal last
            if first.items:
                yield projected_texts(first.items, fields)
            async for last in self._catalog.following(first, limit - len(first.items), readable):
                if last.items:
                    yield projected_texts(last.items, fields)

        def closing() -> str:
            told = _told(Page(total=first.total, next=last.next, previous=first.previous))
            audit.tell(told)
            return f'],"totalItems":{first.total},"pageInfo":{msgspec.json.encode(told["pageInfo"]).decode()}}}'

        await send_stream(request.send, chunks(), opening='{"items":[', closing=closing)

    async def post_by_refs(self, request: Request) -> None:
        """Sends entities by their names, in the order of the names."""
        body = await request.body()
        async with self._gate.audit(request, "entity-fetch", queryType="by-refs") as audit:
            audit.tell({name: body[name] for name in ("entityRefs", "fields", "query") if name in body})
            predicate = filter_predicate(parse_filters(request.parameters.all("filter")))
            if "query" in body:
                predicate = all_of(predicate, parse_predicate(body["query"]))
            predicate = restricted(predicate, await self._gate.readable(request))
            fields = parse_fields(body.get("fields", ()))
            refs: list[str] = body["entityRefs"]
            key = (request.operation.id, digest(msgspec.json.encode((refs, fields))), predicate)
            reply = await self._replies.remembered(key, lambda: self._by_refs(refs, predicate, fields))
            await reply.send(request.scope, request.send)

    async def _by_refs(self, refs: Sequence[str], predicate: Predicate, fields: Sequence[str]) -> Reply:
        texts = await self._catalog.by_refs(refs, predicate)
        if fields:
            items = [None if text is None else project(msgspec.json.decode(text), fields) for text in texts]
            return computed_reply({"items": items})
        items_text = ",".join("null" if text is None else text for text in texts)
        return stored_reply(f'{{"items":[{items_text}]}}')

    async def get_facets(self, request: Request) -> None:
        """Sends how often the values of facets occur."""
        parameters = request.parameters
        async with self._gate.audit(request, "entity-facets"):
            predicate = filter_predicate(parse_filters(parameters.all("filter")))
            await self._send_facets(request, parameters.all("facet"), predicate)

    async def post_facets(self, request: Request) -> None:
        """Sends how often the values of facets occur among entities that the body describes."""
        body = await request.body()
        async with self._gate.audit(request, "entity-facets"):
            predicate = parse_predicate(body["query"]) if "query" in body else EVERYTHING
            await self._send_facets(request, body["facets"], predicate)

    async def _send_facets(self, request: Request, facets: Sequence[str], predicate: Predicate) -> None:
        wanted = tuple(dict.fromkeys(facet for facet in facets if facet))
        if not wanted:
            raise InputError(_FACETS_MISSING)
        predicate = restricted(predicate, await self._gate.readable(request))

        async def make() -> Reply:
            return computed_reply({"facets": await self._catalog.facets(wanted, predicate)})

        reply = await self._replies.remembered(("facets", wanted, predicate), make)
        await reply.send(request.scope, request.send)


def _told(page: Page) -> dict[str, Any]:
    page_info = {
        **({"nextCursor": encode_cursor(page.next)} if page.next else {}),
        **({"prevCursor": encode_cursor(page.previous)} if page.previous else {}),
    }
    return {"totalItems": page.total, "pageInfo": page_info}


def _page_reply(page: Page, fields: Sequence[str]) -> Reply:
    told = _told(page)
    if fields:
        items = [project(msgspec.json.decode(text), fields) for text in page.items]
        return computed_reply({"items": items, **told}, told=told)
    info = msgspec.json.encode(told["pageInfo"]).decode()
    text = f'{{"items":[{",".join(page.items)}],"totalItems":{page.total},"pageInfo":{info}}}'
    return stored_reply(text, told=told)


class _Metadata(msgspec.Struct):
    name: str
    namespace: str = DEFAULT_NAMESPACE


class _Named(msgspec.Struct):
    kind: str
    metadata: _Metadata


def _ref_of(text: str) -> str:
    """Returns the name of an entity; the rest of its JSON text is passed over."""
    named = msgspec.json.decode(text, type=_Named)
    return str(EntityRef(named.kind, named.metadata.namespace, named.metadata.name))

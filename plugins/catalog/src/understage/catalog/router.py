"""The catalog's HTTP API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

import msgspec

from understage.catalog.auditing import Audit
from understage.catalog.http import operations
from understage.catalog.http.gate import Gate
from understage.catalog.http.parameters import Parameters
from understage.catalog.http.responses import Header, send_json, send_list, send_stream, send_text
from understage.catalog.http.routing import Request, Routes
from understage.catalog.query.cursors import (
    AfterCursor,
    FullTextFilter,
    OrderField,
    decode_after,
    decode_cursor,
    encode_cursor,
)
from understage.catalog.query.filters import filter_predicate, parse_filters
from understage.catalog.query.json_predicates import parse_predicate
from understage.catalog.query.predicates import EVERYTHING, Predicate, all_of
from understage.catalog.query.projection import parse_fields, project
from understage.catalog.service import DEFAULT_PAGE_SIZE, EntitiesCatalog, Page, PageQuery
from understage.catalog_api import DEFAULT_NAMESPACE, EntityJson, EntityRef
from understage.errors import InputError

_FACETS_MISSING = "Missing or empty facets parameter"


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
        predicate = all_of(readable, filter_predicate(parse_filters(parameters.all("filter"))))
        fields = parse_fields(parameters.all("fields"))
        order = [_parse_order(text) for text in parameters.all("order")]
        if any(parameters.all(name) for name in ("limit", "offset", "after")):
            await self._send_offset_page(request, parameters, predicate, order, fields)
            return
        chunks = self._catalog.stream(predicate, order)
        if fields:
            chunks = ([_projected(text, fields) for text in texts] async for texts in chunks)
        await send_stream(request.send, chunks)

    async def _send_offset_page(
        self,
        request: Request,
        parameters: Parameters,
        predicate: Predicate,
        order: Sequence[tuple[str, bool]],
        fields: Sequence[str],
    ) -> None:
        after = parameters.one("after")
        position = decode_after(after) if after is not None else AfterCursor()
        limit = position.limit if position.limit is not None else parameters.number("limit")
        offset = position.offset if position.offset is not None else parameters.number("offset") or 0
        if limit is not None and limit < 1:
            raise InputError("Invalid limit, must be greater than zero")
        wanted = None if limit is None else limit + 1
        texts = await self._catalog.listing(predicate, order, limit=wanted, offset=offset)
        headers: list[Header] = []
        if limit is not None and len(texts) > limit:
            texts.pop()
            headers.append((b"link", _next_link(parameters, AfterCursor(limit, offset + limit))))
        if fields:
            await send_json(request.send, [project(msgspec.json.decode(text), fields) for text in texts], headers)
        else:
            await send_list(request.send, texts, headers)

    async def get_by_query(self, request: Request) -> None:
        """Sends a page of a query."""
        parameters = request.parameters
        async with self._gate.audit(request, "entity-fetch", queryType="by-query") as audit:
            await self._send_query(request, parameters, audit)

    async def _send_query(self, request: Request, parameters: Parameters, audit: Audit) -> None:
        readable = await self._gate.readable(request)
        fields = parse_fields(parameters.all("fields"))
        number = parameters.number("limit")
        limit = DEFAULT_PAGE_SIZE if number is None else number
        cursor = parameters.one("cursor")
        if cursor is not None:
            page = await self._catalog.page_at(decode_cursor(cursor), limit, readable)
        else:
            page = await self._catalog.page(_page_query(parameters, limit), readable)
        await _send_page(request, page, fields, audit)

    async def post_by_query(self, request: Request) -> None:
        """Sends a page of a query that is written in the body."""
        body = await request.body()
        async with self._gate.audit(request, "entity-fetch", queryType="by-query") as audit:
            await self._send_body_query(request, body, audit)

    async def _send_body_query(self, request: Request, body: dict[str, Any], audit: Audit) -> None:
        readable = await self._gate.readable(request)
        fields = parse_fields(body.get("fields", ()))
        limit = int(body.get("limit", DEFAULT_PAGE_SIZE))
        cursor: str | None = body.get("cursor")
        if cursor == "":
            raise InputError("Cursor cannot be empty")
        if cursor is not None:
            page = await self._catalog.page_at(decode_cursor(cursor), limit, readable)
        else:
            page = await self._catalog.page(_body_query(body, limit), readable)
        await _send_page(request, page, fields, audit)

    async def post_by_refs(self, request: Request) -> None:
        """Sends entities by their names, in the order of the names."""
        parameters = request.parameters
        body = await request.body()
        async with self._gate.audit(request, "entity-fetch", queryType="by-refs") as audit:
            audit.tell({name: body[name] for name in ("entityRefs", "fields", "query") if name in body})
            await self._send_by_refs(request, parameters, body)

    async def _send_by_refs(self, request: Request, parameters: Parameters, body: dict[str, Any]) -> None:
        predicate = filter_predicate(parse_filters(parameters.all("filter")))
        if "query" in body:
            predicate = all_of(predicate, parse_predicate(body["query"]))
        predicate = all_of(await self._gate.readable(request), predicate)
        texts = await self._catalog.by_refs(body["entityRefs"], predicate)
        fields = parse_fields(body.get("fields", ()))
        if fields:
            items = [None if text is None else project(msgspec.json.decode(text), fields) for text in texts]
            await send_json(request.send, {"items": items})
        else:
            items_text = ",".join("null" if text is None else text for text in texts)
            await send_text(request.send, f'{{"items":[{items_text}]}}')

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
        wanted = list(dict.fromkeys(facet for facet in facets if facet))
        if not wanted:
            raise InputError(_FACETS_MISSING)
        predicate = all_of(await self._gate.readable(request), predicate)
        await send_json(request.send, {"facets": await self._catalog.facets(wanted, predicate)})


async def _send_page(request: Request, page: Page, fields: Sequence[str], audit: Audit) -> None:
    page_info = {
        **({"nextCursor": encode_cursor(page.next)} if page.next else {}),
        **({"prevCursor": encode_cursor(page.previous)} if page.previous else {}),
    }
    audit.tell({"totalItems": page.total, "pageInfo": page_info})
    if fields:
        items = [project(msgspec.json.decode(text), fields) for text in page.items]
        await send_json(request.send, {"items": items, "totalItems": page.total, "pageInfo": page_info})
        return
    info = msgspec.json.encode(page_info).decode()
    text = f'{{"items":[{",".join(page.items)}],"totalItems":{page.total},"pageInfo":{info}}}'
    await send_text(request.send, text)


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


def _page_query(parameters: Parameters, limit: int) -> PageQuery:
    fields = [name for text in parameters.all("fullTextFilterFields") for name in text.split(",") if name]
    return PageQuery(
        filters=parse_filters(parameters.all("filter")),
        order_fields=[_parse_order_field(text) for text in parameters.all("orderField")],
        full_text=FullTextFilter(parameters.one("fullTextFilterTerm") or "", fields or None),
        limit=limit,
        offset=parameters.number("offset") or 0,
        counts=parameters.one("totalItems") != "exclude",
    )


def _body_query(body: dict[str, Any], limit: int) -> PageQuery:
    full_text = body.get("fullTextFilter")
    return PageQuery(
        query=body.get("query", msgspec.UNSET),
        order_fields=[OrderField(one["field"], one["order"]) for one in body.get("orderBy", ())],
        full_text=None if full_text is None else FullTextFilter(full_text.get("term"), full_text.get("fields")),
        limit=limit,
        offset=int(body.get("offset", 0)),
        counts=body.get("totalItems") != "exclude",
    )


def _parse_order(text: str) -> tuple[str, bool]:
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


def _next_link(parameters: Parameters, after: AfterCursor) -> bytes:
    pairs = [(name, value) for name, value in parameters.pairs if name not in ("offset", "after")]
    query = "&".join(f"{name}={_form_encoded(value)}" for name, value in [*pairs, ("after", encode_cursor(after))])
    return f'</entities?{query}>; rel="next"'.encode("latin-1")


def _form_encoded(value: str) -> str:
    return quote_plus(value, safe="*").replace("~", "%7E")


def _projected(text: str, fields: Sequence[str]) -> str:
    entity: EntityJson = msgspec.json.decode(text)
    return msgspec.json.encode(project(entity, fields)).decode()

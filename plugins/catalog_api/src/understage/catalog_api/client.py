"""A client of the catalog, for other plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from understage.catalog_api.entity import EntityJson
from understage.catalog_api.refs import EntityRef, parse_entity_ref
from understage.errors import ResponseError
from understage.plugin_api import DiscoveryService, HttpResponse, RootHttpClientService

MAX_REFS_PER_REQUEST = 1000
MAX_REFS_BYTES_PER_REQUEST = 90 * 1024


class FilterExists(msgspec.Struct, frozen=True):
    """Stands for any value in a filter; use `FILTER_EXISTS`."""


FILTER_EXISTS: Final = FilterExists()
FilterValue = str | FilterExists | Sequence[str]
EntityFilter = Mapping[str, FilterValue] | Sequence[Mapping[str, FilterValue]]
"""Keys with the values that they may have. Of several mappings one must match; of one mapping, all keys."""
Order = tuple[str, Literal["asc", "desc"]]


class EntityFacet(msgspec.Struct, frozen=True):
    """How often a value occurs.

    Attributes:
        value: the value in its original case.
        count: how many entities have it.
    """

    value: str
    count: int


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Where to go on.

    Attributes:
        next_cursor: leads to the next page, if there is one.
        prev_cursor: leads to the page before, if there is one.
    """

    next_cursor: str | None = None
    prev_cursor: str | None = None


class EntitiesPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of entities.

    Attributes:
        items: the entities.
        total_items: how many there are on all pages.
        page_info: where to go on.
    """

    items: list[EntityJson]
    total_items: int
    page_info: PageInfo


class _RefsAnswer(msgspec.Struct):
    items: list[EntityJson | None]


class _FacetsAnswer(msgspec.Struct):
    facets: dict[str, list[EntityFacet]]


class CatalogClient:
    """Reads from the catalog over HTTP, wherever it runs.

    Args:
        discovery: finds the catalog.
        http_client: makes the requests.
    """

    def __init__(self, discovery: DiscoveryService, http_client: RootHttpClientService) -> None:
        self._discovery = discovery
        self._http_client = http_client

    async def get_entities(
        self,
        *,
        filter: EntityFilter | None = None,  # noqa: A002 - the wire's own word
        fields: Sequence[str] = (),
        order: Sequence[Order] = (),
        offset: int | None = None,
        limit: int | None = None,
        token: str | None = None,
    ) -> list[EntityJson]:
        """Returns all entities that match; prefer `query_entities`, which pages.

        Args:
            filter: what to match; nothing matches everything.
            fields: dotted paths of the members wanted; all by default.
            order: fields to sort by.
            offset: how many to leave out.
            limit: how many at most.
            token: proves who asks.

        Raises:
            ResponseError: the catalog refused.
        """
        parameters = [*_filters(filter), *_joined("fields", fields)]
        parameters += [("order", f"{direction}:{field}") for field, direction in order]
        parameters += _numbers(offset=offset, limit=limit)
        return msgspec.json.decode(await self._get("/entities", parameters, token), type=list[EntityJson])

    async def query_entities(
        self,
        *,
        filter: EntityFilter | None = None,  # noqa: A002 - the wire's own word
        fields: Sequence[str] = (),
        order: Sequence[Order] = (),
        offset: int | None = None,
        limit: int | None = None,
        full_text_term: str | None = None,
        full_text_fields: Sequence[str] = (),
        cursor: str | None = None,
        token: str | None = None,
    ) -> EntitiesPage:
        """Returns a page of entities.

        Args:
            filter: what to match; nothing matches everything.
            fields: dotted paths of the members wanted; all by default.
            order: the field to sort by; entities without it are left out.
            offset: how many to leave out before the first page.
            limit: how many on this page at most.
            full_text_term: text that one of `full_text_fields` must contain.
            full_text_fields: where to look for it; by default the sort field.
            cursor: of another page; everything but `fields` and `limit` comes from it then.
            token: proves who asks.

        Raises:
            ResponseError: the catalog refused.
        """
        parameters = [*_joined("fields", fields), *_numbers(limit=limit)]
        if cursor is not None:
            parameters.append(("cursor", cursor))
        else:
            parameters += [*_filters(filter), *_numbers(offset=offset)]
            parameters += [("orderField", f"{field},{direction}") for field, direction in order]
            if full_text_term is not None:
                parameters.append(("fullTextFilterTerm", full_text_term))
            parameters += _joined("fullTextFilterFields", full_text_fields)
        return msgspec.json.decode(await self._get("/entities/by-query", parameters, token), type=EntitiesPage)

    async def get_entity_by_ref(self, ref: str | EntityRef, *, token: str | None = None) -> EntityJson | None:
        """Returns an entity, or None if there is none of this name.

        Args:
            ref: its whole name.
            token: proves who asks.

        Raises:
            EntityRefError: `ref` is no reference or lacks the kind.
            ResponseError: the catalog refused.
        """
        parsed = parse_entity_ref(ref)
        parts = "/".join(quote(part, safe="") for part in (parsed.kind, parsed.namespace, parsed.name))
        response = await self._request("GET", f"/entities/by-name/{parts}", token=token)
        if response.status == 404:
            return None
        entity: EntityJson = msgspec.json.decode(response.body)
        return entity

    async def get_entities_by_refs(
        self,
        refs: Sequence[str | EntityRef],
        *,
        fields: Sequence[str] = (),
        filter: EntityFilter | None = None,  # noqa: A002 - the wire's own word
        token: str | None = None,
    ) -> list[EntityJson | None]:
        """Returns entities in the order of the names given, None for what does not exist or does not match.

        Args:
            refs: their whole names; any number, asked for in several requests if need be.
            fields: dotted paths of the members wanted; all by default.
            filter: what they must match as well.
            token: proves who asks.

        Raises:
            EntityRefError: one of `refs` is no reference or lacks the kind.
            ResponseError: the catalog refused.
        """
        found: list[EntityJson | None] = []
        path = _with_query("/entities/by-refs", _filters(filter))
        for chunk in _chunks([str(parse_entity_ref(ref)) for ref in refs]):
            body = {"entityRefs": chunk, **({"fields": list(fields)} if fields else {})}
            response = await self._request("POST", path, token=token, body=msgspec.json.encode(body))
            found += msgspec.json.decode(response.body, type=_RefsAnswer).items
        return found

    async def get_entity_facets(
        self,
        facets: Sequence[str],
        *,
        filter: EntityFilter | None = None,  # noqa: A002 - the wire's own word
        token: str | None = None,
    ) -> dict[str, list[EntityFacet]]:
        """Returns, for each facet, its values and how many entities have them.

        Args:
            facets: dotted paths such as `spec.type`, `metadata.tags` or `relations.ownedBy`.
            filter: which entities to count; all by default.
            token: proves who asks.

        Raises:
            ResponseError: the catalog refused.
        """
        parameters = [*(("facet", facet) for facet in facets), *_filters(filter)]
        return msgspec.json.decode(await self._get("/entity-facets", parameters, token), type=_FacetsAnswer).facets

    async def _get(self, path: str, parameters: Iterable[tuple[str, str]], token: str | None) -> bytes:
        return (await self._request("GET", _with_query(path, parameters), token=token, missing_is_error=True)).body

    async def _request(
        self, method: str, path: str, *, token: str | None, body: bytes | None = None, missing_is_error: bool = False
    ) -> HttpResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
            missing_is_error = True
        url = await self._discovery.get_base_url("catalog") + path
        response = await self._http_client.request(method, url, headers=headers, body=body)
        if response.status >= 400 and (response.status != 404 or missing_is_error):
            raise ResponseError.from_body(method, url, response.status, response.reason, response.body)
        return response


def _filters(entity_filter: EntityFilter | None) -> list[tuple[str, str]]:
    if not entity_filter:
        return []
    sets = [entity_filter] if isinstance(entity_filter, Mapping) else entity_filter
    encoded = (",".join(_statements(one)) for one in sets)
    return [("filter", text) for text in encoded if text]


def _statements(entity_filter: Mapping[str, FilterValue]) -> Iterator[str]:
    for key, value in entity_filter.items():
        if isinstance(value, FilterExists):
            yield key
        elif isinstance(value, str):
            yield f"{key}={value}"
        else:
            yield from (f"{key}={one}" for one in value)


def _joined(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, ",".join(values))] if values else []


def _numbers(**values: int | None) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in values.items() if value is not None]


def _with_query(path: str, parameters: Iterable[tuple[str, str]]) -> str:
    encoded = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters)
    return f"{path}?{encoded}" if encoded else path


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

"""Actions on entities: find one, query many, have one looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from understage.catalog.actions.operations import Context, Operations, Output, check_texts
from understage.catalog.actions.schemas import (
    ENTITIES_PAGE,
    ENTITY,
    QUERY_ENTITIES,
    NumbersFromTexts,
    record,
    text,
)
from understage.catalog.paging import DEFAULT_PAGE_SIZE, Page, PageQuery
from understage.catalog.query.cursors import FullTextFilter, OrderField, decode_cursor, encode_cursor
from understage.catalog.query.predicates import Predicate
from understage.catalog.query.projection import parse_fields, project
from understage.catalog_api import EntityJson, stringify_entity_ref
from understage.errors import InputError
from understage.plugin_api import ActionsRegistryService

LARGEST_NUMBER = 2**31 - 1
_QUERY_HELP = """\
Finds entities in the software catalog.

Every entity has `kind`, `apiVersion` and `metadata` (name, namespace, title, description, labels, annotations, tags,
links), most have `spec`, and `relations` are made by the catalog. An entity is named `kind:namespace/name`, such as
`component:default/web`. `get-catalog-model-description` tells which kinds there are, and what they are made of.

A `query` is an object of dotted paths with the values that they must have; case does not matter:
  {"kind": "Component", "spec.type": "service"}
A value may also be one of these:
  {"kind": {"$in": ["API", "Component"]}}
  {"metadata.annotations.backstage.io/techdocs-ref": {"$exists": true}}
  {"metadata.tags": {"$contains": "java"}}
  {"metadata.name": {"$hasPrefix": "team-"}}
Predicates are combined by $all, $any and $not:
  {"$all": [{"kind": "Component"}, {"$not": {"spec.lifecycle": "deprecated"}}]}
Ask for relations rather than for what was written in `spec`:
  {"relations.ownedBy": "group:default/team-a"}

`fields` keeps answers short: ["kind", "metadata.name"]. `limit` and the `nextPageCursor` of an answer, given as
`cursor`, page through many.
"""


def register_entity_actions(registry: ActionsRegistryService, operations: Operations) -> None:
    """Offers the actions.

    Args:
        registry: where.
        operations: does what they are for.
    """
    actions = EntityActions(operations)
    registry.register(
        name="get-catalog-entity",
        title="Get Catalog Entity",
        description=(
            "Returns one entity of the software catalog. Its name is enough if no other kind or namespace has it; "
            'the namespace that is usual is "default".'
        ),
        input_schema=record(
            ("name",),
            kind=text("The entity's kind, such as Component; leave it out if it is not known."),
            namespace=text("The entity's namespace; leave it out if it is not known."),
            name=text("The entity's name."),
        ),
        output_schema=ENTITY,
        read_only=True,
        idempotent=True,
        action=actions.get,
    )
    registry.register(
        name="query-catalog-entities",
        title="Query Catalog Entities",
        description=_QUERY_HELP,
        input_schema=NumbersFromTexts(QUERY_ENTITIES, "limit", "offset"),
        output_schema=ENTITIES_PAGE,
        read_only=True,
        idempotent=True,
        action=actions.query,
    )
    registry.register(
        name="refresh-catalog-entity",
        title="Refresh Catalog Entity",
        description=(
            "Has one entity read and processed again at once, so that what was just changed or created at its source "
            "shows. Its name is enough if no other kind or namespace has it."
        ),
        input_schema=record(
            ("name",),
            kind=text("The entity's kind, such as API; leave it out if it is not known.", minLength=1),
            namespace=text("The entity's namespace; leave it out if it is not known.", minLength=1),
            name=text("The entity's name.", minLength=1),
        ),
        output_schema=record(("entityRef",), entityRef=text("The full name of the entity.")),
        destructive=False,
        idempotent=True,
        action=actions.refresh,
    )


def _read(page: Page, fields: Sequence[str]) -> list[EntityJson]:
    entities: list[EntityJson] = [msgspec.json.decode(one) for one in page.items]
    return [project(one, fields) for one in entities] if fields else entities


class EntityActions:
    """The actions on entities.

    Args:
        operations: does what they are for.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def get(self, context: Context) -> EntityJson:
        """Returns the entity that the input describes."""
        async with self._operations.audit(context, "entity-fetch", queryType="by-query") as audit:
            entity = await self._operations.find_one(context)
            audit.tell({"entities": [stringify_entity_ref(entity)]})
            return entity

    async def query(self, context: Context) -> Output:
        """Returns a page of entities."""
        async with self._operations.audit(context, "entity-fetch", queryType="by-query") as audit:
            check_texts(context)
            readable = await self._operations.access.readable(context.credentials)
            page = await self._page(dict(context.input), readable)
            fields = parse_fields(context.input.get("fields", ()))
            # Reading many entities takes longer than others should wait.
            is_short = len(page.items) <= DEFAULT_PAGE_SIZE
            items = _read(page, fields) if is_short else await asyncio.to_thread(_read, page, fields)
            answer: Output = {
                "items": items,
                "totalItems": page.total,
                "hasMoreEntities": page.next is not None,
            }
            if page.next is not None:
                answer["nextPageCursor"] = encode_cursor(page.next)
            audit.tell({"totalItems": page.total})
            return answer

    async def _page(self, wanted: dict[str, Any], readable: Predicate) -> Page:
        limit, offset = wanted.get("limit", DEFAULT_PAGE_SIZE), wanted.get("offset", 0)
        if limit > LARGEST_NUMBER or offset > LARGEST_NUMBER:
            raise InputError(f"limit and offset must not be greater than {LARGEST_NUMBER}")
        if "cursor" in wanted:
            return await self._operations.entities.page_at(decode_cursor(wanted["cursor"]), limit, readable)
        order = wanted.get("orderFields", [])
        term = wanted.get("fullTextFilter")
        query = PageQuery(
            query=wanted.get("query", msgspec.UNSET),
            order_fields=[OrderField(**one) for one in (order if isinstance(order, list) else [order])],
            full_text=None if term is None else FullTextFilter(term["term"], term.get("fields")),
            limit=limit,
            offset=offset,
        )
        return await self._operations.entities.page(query, readable)

    async def refresh(self, context: Context) -> Output:
        """Has the entity that the input describes looked at again."""
        async with self._operations.audit(context, "entity-mutate", severity="medium", queryType="refresh") as audit:
            ref = stringify_entity_ref(await self._operations.find_one(context))
            await self._operations.access.check_refresh(ref, context.credentials)
            await self._operations.upkeep.refresh(ref)
            audit.tell({"entityRef": ref})
            return {"entityRef": ref}

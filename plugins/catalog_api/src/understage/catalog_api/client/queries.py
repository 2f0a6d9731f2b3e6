"""A query for entities: as parameters of a GET, or as the body of a POST if it needs a predicate."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from understage.catalog_api.client.filters import EntityFilter, Predicate, as_predicate, filter_parameters, is_sayable

Order = tuple[str, Literal["asc", "desc"]]
TotalItems = Literal["include", "exclude"]


class EntitiesQuery(msgspec.Struct, frozen=True):
    """What `query_entities` is asked for; see there."""

    filter: EntityFilter | None = None
    query: Predicate | None = None
    fields: Sequence[str] = ()
    order: Sequence[Order] = ()
    offset: int | None = None
    limit: int | None = None
    full_text_term: str = ""
    full_text_fields: Sequence[str] = ()
    total_items: TotalItems | None = None
    cursor: str | None = None

    @property
    def needs_predicate(self) -> bool:
        """Whether it can be asked in a body only."""
        if self.cursor is not None:
            return _holds_predicate(self.cursor)
        return self.query is not None or not is_sayable(self.filter)

    def body(self) -> dict[str, Any]:
        """Returns it as the body of a POST."""
        members: dict[str, Any] = {"fields": list(self.fields), "limit": self.limit, "cursor": self.cursor}
        if self.cursor is None:
            term = self.full_text_term.strip()
            members |= {
                "query": as_predicate(self.filter, self.query),
                "offset": self.offset,
                "orderBy": [{"field": field, "order": direction} for field, direction in self.order],
                "fullTextFilter": given({"term": term, "fields": list(self.full_text_fields)}) if term else None,
                "totalItems": self.total_items,
            }
        return given(members)

    def parameters(self) -> list[tuple[str, str]]:
        """Returns it as the query parameters of a GET."""
        pairs = [*joined("fields", self.fields), *present(limit=self.limit, cursor=self.cursor)]
        if self.cursor is None:
            pairs += [*filter_parameters(self.filter), *present(offset=self.offset, totalItems=self.total_items)]
            pairs += [("orderField", f"{field},{direction}") for field, direction in self.order]
            pairs += present(fullTextFilterTerm=self.full_text_term.strip() or None)
            pairs += joined("fullTextFilterFields", self.full_text_fields)
        return pairs


def given(members: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the members that say something: no None, and no empty lists."""
    return {name: value for name, value in members.items() if value is not None and value != []}


def joined(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """Returns a list as a parameter with commas; nothing if it is empty."""
    return [(name, ",".join(values))] if values else []


def present(**values: str | int | None) -> list[tuple[str, str]]:
    """Returns the parameters that have a value."""
    return [(name, str(value)) for name, value in values.items() if value is not None]


def _holds_predicate(cursor: str) -> bool:
    """Tells whether a cursor goes on with a query that was asked in a body; only such ones may be sent in one."""
    try:
        return "query" in msgspec.json.decode(base64.b64decode(cursor), type=dict[str, Any])
    except ValueError:
        return False

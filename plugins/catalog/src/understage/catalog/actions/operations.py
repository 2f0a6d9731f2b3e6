"""What the actions have in common: they do what the HTTP API does, with the permissions of who invokes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from understage.catalog.access import Access
from understage.catalog.auditing import Audit
from understage.catalog.locations import ConflictStrategy, Locations
from understage.catalog.paging import PageQuery
from understage.catalog.query.filters import FilterSet
from understage.catalog.query.json_texts import JsonTextError, read_json
from understage.catalog.service import EntitiesCatalog
from understage.catalog.upkeep import Upkeep
from understage.catalog_api import EntityJson, stringify_entity_ref
from understage.errors import ConflictError, InputError
from understage.plugin_api import ActionContext, AuditorService, AuditSeverity, is_service, is_user

if TYPE_CHECKING:
    from understage.catalog_api.model import CatalogModel

Input = Mapping[str, Any]
Output = dict[str, Any]
Context = ActionContext[Input, Any]


@dataclass(frozen=True, slots=True)
class Operations:
    """What actions are made of.

    Attributes:
        entities: reads entities.
        locations: registers locations and removes them.
        upkeep: checks entities and has them looked at again.
        access: tells who may do what.
        auditor: is told what is done.
        on_conflict: what happens to a location that is registered already.
        model: the catalog model, or None for the built-in kinds.
    """

    entities: EntitiesCatalog
    locations: Locations
    upkeep: Upkeep
    access: Access
    auditor: AuditorService
    on_conflict: ConflictStrategy
    model: CatalogModel | None = None

    def audit(self, context: Context, event_id: str, *, severity: AuditSeverity = "low", **meta: Any) -> Audit:
        """Returns a context that reports what is done in it, and on whose behalf.

        Args:
            context: of the action.
            event_id: what it is, as for requests.
            severity: how much it matters.
            **meta: details.
        """
        return Audit(self.auditor, event_id, severity, {**meta, "onBehalfOf": _subject(context)})

    async def find_one(self, context: Context) -> EntityJson:
        """Returns the entity that the input describes by `name`, maybe `kind` and `namespace`.

        Args:
            context: of the action.

        Raises:
            InputError: whoever invokes it can read none of this name.
            ConflictError: they can read several.
        """
        check_texts(context)
        wanted = context.input
        name = wanted["name"].strip()
        more = {"kind": wanted.get("kind"), "metadata.namespace": wanted.get("namespace")}
        filters: FilterSet = {"metadata.name": (name,), **{key: (value,) for key, value in more.items() if value}}
        readable = await self.access.readable(context.credentials)
        page = await self.entities.page(PageQuery(filters=[filters]), readable)
        found: list[EntityJson] = [msgspec.json.decode(text) for text in page.items]
        if not found:
            raise InputError(f'No entity found with name "{name}"')
        if len(found) > 1:
            refs = ", ".join(f'"{stringify_entity_ref(one)}"' for one in found)
            raise ConflictError(
                f'Multiple entities found with name "{name}", please provide more specific filters. '
                f"Entities found: {refs}"
            )
        return found[0]


def check_texts(context: Context) -> None:
    """Refuses an input with texts that no entity and no location can have.

    Args:
        context: of the action.

    Raises:
        InputError: a text holds a NUL character, which databases refuse to look for.
    """
    try:
        read_json(msgspec.json.encode(context.input), dict)
    except JsonTextError as error:
        raise InputError(f"The input cannot be read: {error}") from error


def _subject(context: Context) -> str | None:
    credentials = context.credentials
    if is_user(credentials):
        return credentials.principal.user_entity_ref
    return credentials.principal.subject if is_service(credentials) else None

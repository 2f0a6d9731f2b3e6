"""Entities as resources of permissions: their rules, and loading them for those who judge them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from understage.catalog.database import reads
from understage.catalog.processing.search_rows import indexed_values
from understage.catalog.query.predicates import EVERYTHING
from understage.catalog_api import EntityJson
from understage.catalog_api.permission_rules import (
    IndexedEntity,
    catalog_entity_permission_resource_ref,
    catalog_permission_rules,
)
from understage.catalog_api.permissions import catalog_permissions, unprocessed_entities_permissions
from understage.plugin_api import DatabaseService, PermissionsRegistryService

FEW_ENTITIES = 20


def add_entity_resource(registry: PermissionsRegistryService, database: DatabaseService) -> None:
    """Announces the catalog's permissions and rules, and has other plugins' conditions put to entities.

    Args:
        registry: where to.
        database: the catalog's database.
    """

    async def load(refs: Sequence[str]) -> list[IndexedEntity | None]:
        lowered = [ref.lower() for ref in refs]
        texts = await reads.find_by_refs(database, [ref for ref in lowered if "\0" not in ref], EVERYTHING)
        # Reading many entities takes longer than others should wait.
        read = _read_all(texts) if len(texts) <= FEW_ENTITIES else await asyncio.to_thread(_read_all, texts)
        return [read.get(ref) for ref in lowered]

    registry.add_resource_type(
        resource_ref=catalog_entity_permission_resource_ref,
        permissions=catalog_permissions,
        rules=catalog_permission_rules,
        get_resources=load,
    )
    registry.add_permissions(unprocessed_entities_permissions)


def indexed(entity: EntityJson) -> IndexedEntity:
    """Returns an entity with its index: the same keys and values by which the database finds it.

    Args:
        entity: the entity as it is served.
    """
    index: defaultdict[str, set[str | None]] = defaultdict(set)
    for key, value in indexed_values(entity):
        index[key].add(value)
    return IndexedEntity(entity, {key: frozenset(values) for key, values in index.items()})


def _read_all(texts: dict[str, str]) -> dict[str, IndexedEntity]:
    return {ref: indexed(msgspec.json.decode(text)) for ref, text in texts.items()}

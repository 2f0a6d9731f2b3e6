"""What led to an entity: the entities that emitted it, those that emitted these, and so on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from understage.catalog.database import lineage, reads
from understage.catalog.query.predicates import EVERYTHING
from understage.catalog_api import EntityRef
from understage.errors import NotFoundError
from understage.plugin_api import DatabaseService


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An entity with who led to it.

    Attributes:
        text: its JSON text.
        parents: refs of the entities that led to it; none if a provider has brought it.
    """

    text: str
    parents: list[str]


async def find_ancestry(database: DatabaseService, ref: EntityRef) -> list[Ancestor]:
    """Returns an entity and everything that led to it, each once.

    Args:
        database: the catalog's database.
        ref: the entity.

    Raises:
        NotFoundError: there is no such entity.
    """
    ancestors: list[Ancestor] = []
    seen: set[str] = set()
    level = [str(ref)]
    while level:
        seen.update(level)
        texts = await reads.find_by_refs(database, level, EVERYTHING)
        parents: defaultdict[str, list[str]] = defaultdict(list)
        for edge in await lineage.find_parents(database, level):
            parents[edge.target_entity_ref].append(edge.source)
        ancestors += [Ancestor(texts[one], parents[one]) for one in level if one in texts]
        if not ancestors:
            raise NotFoundError(f"No such entity {ref}")
        level = list(dict.fromkeys(up for one in level for up in parents[one] if up not in seen))
    return ancestors

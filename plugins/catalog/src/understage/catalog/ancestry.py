"""What led to an entity: the entities that emitted it, those that emitted these, and so on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from understage.catalog.access import Access
from understage.catalog.database import lineage, reads
from understage.catalog.query.predicates import EVERYTHING, NOTHING, Predicate
from understage.catalog_api import EntityRef
from understage.errors import NotAllowedError, NotFoundError
from understage.plugin_api import DatabaseService


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An entity with who led to it.

    Attributes:
        ref: its name.
        text: its JSON text.
        parents: refs of the entities that led to it; none if a provider has brought it.
    """

    ref: str
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
        ancestors += [Ancestor(one, texts[one], parents[one]) for one in level if one in texts]
        if not ancestors:
            raise NotFoundError(f"No such entity {ref}")
        level = list(dict.fromkeys(up for one in level for up in parents[one] if up not in seen))
    return ancestors


async def find_readable_ancestry(
    access: Access, database: DatabaseService, ref: EntityRef, readable: Predicate
) -> list[Ancestor]:
    """Returns an entity and what led to it, without what is not readable and all that led to that.

    Args:
        access: finds out what is readable.
        database: the catalog's database.
        ref: the entity.
        readable: which entities are shown.

    Raises:
        NotAllowedError: the entity itself is not readable; where only some are, the same is said if there is none.
        NotFoundError: there is no such entity.
    """
    if readable == EVERYTHING:
        return await find_ancestry(database, ref)
    if readable == NOTHING or not await access.matching([str(ref)], readable):
        raise NotAllowedError
    ancestors = await find_ancestry(database, ref)
    shown = await access.matching([one.ref for one in ancestors], readable)
    hidden = _with_all_above(ancestors, [one.ref for one in ancestors if one.ref not in shown])
    return [one for one in ancestors if one.ref not in hidden]


def _with_all_above(ancestors: list[Ancestor], refs: list[str]) -> set[str]:
    parents = {one.ref: one.parents for one in ancestors}
    found: set[str] = set()
    todo = list(refs)
    while todo:
        ref = todo.pop()
        if ref not in found:
            found.add(ref)
            todo += parents.get(ref, ())
    return found

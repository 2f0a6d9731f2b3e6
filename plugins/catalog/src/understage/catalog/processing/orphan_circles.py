"""Tells, where orphans are kept, which entities only a circle leads to that they belong to themselves.

With a circle it is as with a single orphan: its members are marked, and what they lead to is not.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from understage.catalog.database import orphan_circles, stitching
from understage.catalog.processing.orphans import Sources, walk_up, without_root
from understage.plugin_api import DatabaseConnection


async def mark_circles(connection: DatabaseConnection, candidates: Iterable[str], now: datetime) -> set[str]:
    """Marks the circles among what leads to the entities that no provider leads to, and unmarks those that live again.

    Args:
        connection: of a transaction, after what led to the candidates has changed.
        candidates: entities that may have lost everything that kept them alive.
        now: when what changes by it becomes due.

    Returns:
        the entities for which it has changed; they are queued for stitching.
    """
    marked = await orphan_circles.find_marked(connection)
    refs = marked | set(candidates)
    if not refs:
        return set()
    circles = await asyncio.to_thread(find_circles, await walk_up(connection, refs))
    changed = circles ^ marked
    if changed:
        await stitching.request_stitching(connection, changed, now)
        await orphan_circles.mark(connection, circles - marked)
        await orphan_circles.unmark(connection, marked - circles)
    return changed


def find_circles(sources: Sources) -> set[str]:
    """Returns the members of circles that nothing else leads to.

    Args:
        sources: what leads to entities, and to what leads to these.
    """
    dead = without_root(sources)
    parents = {ref: {edge.source_entity_ref for edge in sources[ref] if edge.source_entity_ref} for ref in dead}
    children: dict[str, set[str]] = defaultdict(set)
    for ref, leading in parents.items():
        for parent in leading:
            children[parent].add(ref)
    # Where a walk begins, no earlier walk has come by. What no later walk reaches either is led to by a circle at most.
    starts: list[str] = []
    seen: set[str] = set()
    for ref in sorted(dead):
        if ref not in seen:
            starts.append(ref)
            _walk([ref], children, seen)
    circles: set[str] = set()
    seen = set()
    for ref in reversed(starts):
        if ref not in seen:
            _walk([ref], children, seen)
            _walk(parents[ref], parents, circles)
    return circles


def _walk(begin: Collection[str], ways: Mapping[str, Collection[str]], seen: set[str]) -> None:
    """Adds to what was seen all that can be reached."""
    waiting = list(begin)
    while waiting:
        ref = waiting.pop()
        if ref not in seen:
            seen.add(ref)
            waiting += ways.get(ref, ())

"""Notes which entities were refused, so that they take over a name as soon as it is free."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from understage.catalog.database import claims
from understage.catalog.database.claims import Claim, StoredClaim
from understage.catalog.database.references import Edge
from understage.catalog.processing.discovery import Conflict, Discovery
from understage.plugin_api import DatabaseConnection


async def note_refused_by_entities(
    connection: DatabaseConnection,
    sources: Sequence[str],
    complete: Collection[str],
    discovery: Discovery,
    held: Collection[int],
    now: datetime,
) -> None:
    """Replaces what some entities wait for.

    Args:
        connection: of a transaction.
        sources: the entities that were processed, but those that were so for the first time.
        complete: those of them that have named everything they lead to; the others still wait for what they did.
        discovery: what became of what they lead to.
        held: ids of what they waited for when it was found what they lead to.
        now: since when the new ones wait.
    """
    before = await claims.find_claims_of_entities(connection, sources) if sources else []
    wanted = {(one.source, one.ref): _claim(one, of_provider=False) for one in discovery.conflicts}
    taken = set(discovery.edges)

    def is_given_up(claim: StoredClaim) -> bool:
        # What came meanwhile is of others, who have taken over names that are still wanted.
        edge = Edge(claim.source, claim.entity_ref)
        is_old = claim.id in held or edge in discovery.dispossessed
        return is_old and (claim.source in complete or edge in taken)

    await _replace(connection, before, wanted, now, is_given_up)


async def note_refused_by_provider(
    connection: DatabaseConnection,
    source_key: str,
    given_up: Collection[str] | None,
    conflicts: Iterable[Conflict],
    held: Collection[int],
    now: datetime,
) -> None:
    """Replaces what a provider waits for.

    Args:
        connection: of a transaction.
        source_key: the provider.
        given_up: names that it no longer wants, unless it was refused them again; None for all.
        conflicts: what it was refused.
        held: ids of what it waited for when it was found what it leads to.
        now: since when the new ones wait.
    """
    before = await claims.find_claims_of_provider(connection, source_key)
    wanted = {(source_key, one.ref): _claim(one, of_provider=True) for one in conflicts}

    def is_given_up(claim: StoredClaim) -> bool:
        return claim.id in held and (given_up is None or claim.entity_ref in given_up)

    await _replace(connection, before, wanted, now, is_given_up)


async def _replace(
    connection: DatabaseConnection,
    before: Sequence[StoredClaim],
    wanted: dict[tuple[str, str], Claim],
    now: datetime,
    is_given_up: Callable[[StoredClaim], bool],
) -> None:
    known = {(claim.source, claim.entity_ref): claim for claim in before}
    gone = [claim.id for key, claim in known.items() if key not in wanted and is_given_up(claim)]
    if gone:
        await claims.delete_claims(connection, gone)
    for key, claim in wanted.items():
        old = known.get(key)
        if old is not None and (old.unprocessed_hash, old.location_key) != (claim.unprocessed_hash, claim.location_key):
            await claims.update_claim(connection, old.id, claim)
    new = [claim for key, claim in wanted.items() if key not in known]
    if new:
        await claims.insert_claims(connection, new, now)


def _claim(conflict: Conflict, *, of_provider: bool) -> Claim:
    child = conflict.child
    return Claim(
        entity_ref=child.ref,
        source_key=conflict.source if of_provider else None,
        source_entity_ref=None if of_provider else conflict.source,
        unprocessed_entity=child.entity,
        unprocessed_hash=child.hash,
        location_key=child.location_key,
    )

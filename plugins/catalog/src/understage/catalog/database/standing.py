"""What providers and entities lead to, and what they wait for, as it was at one moment.

Names change hands at any time, which makes edges claims and claims edges. Who reads the one and then the other may miss
a name that moves between the two, so both are read by one statement; and what it finds waiting is held, so that it goes
on waiting until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understage.catalog.database import claims
from understage.catalog.database.dialects import among
from understage.catalog.database.references import Edge, provided_among
from understage.catalog.database.refresh_state import KnownEntity
from understage.plugin_api import DatabaseConnection


@dataclass(frozen=True, slots=True)
class StandingOfProvider:
    """What a provider leads to and waits for.

    Attributes:
        known: the entities that it leads to.
        held: ids of its claims; nobody else can change them until the transaction ends.
    """

    known: Sequence[KnownEntity] = ()
    held: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class StandingOfEntities:
    """What some entities lead to and wait for.

    Attributes:
        edges: what they lead to.
        held: ids of their claims; nobody else can change them until the transaction ends.
    """

    edges: frozenset[Edge] = frozenset()
    held: frozenset[int] = frozenset()


async def find_of_provider(
    connection: DatabaseConnection, source_key: str, refs: Sequence[str] | None
) -> StandingOfProvider:
    """Returns what a provider leads to and waits for.

    Args:
        connection: of a transaction.
        source_key: the provider.
        refs: of what it leads to only these; None for all.
    """
    condition = "r.source_key = $1"
    if refs is not None:
        condition = provided_among(connection, "$1", "$3")
    query = f"""
        SELECT CAST(s.entity_id AS text), s.entity_ref, s.unprocessed_hash, s.location_key
        FROM refresh_state_references r JOIN refresh_state s ON s.entity_ref = r.target_entity_ref
        WHERE {condition}
        UNION ALL
        SELECT '', entity_ref, '', NULL FROM claims
        WHERE source_key = $1 AND NOT ({among(connection, "id", "$2")})
        """
    while True:
        held = await claims.hold_claims_of_provider(connection, source_key)
        values = (source_key, sorted(held)) if refs is None else (source_key, sorted(held), list(refs))
        known = await connection.fetch(query, *values, row_type=KnownEntity)
        if all(one.entity_id for one in known):
            return StandingOfProvider(known, held)
        # It has lost a name since its claims were held. Each time there is one more claim that cannot be given back.


async def find_of_entities(connection: DatabaseConnection, sources: Sequence[str]) -> StandingOfEntities:
    """Returns what entities lead to and wait for.

    Args:
        connection: of a transaction.
        sources: the entities.
    """
    query = f"""
        SELECT source_entity_ref, target_entity_ref FROM refresh_state_references
        WHERE {among(connection, "source_entity_ref", "$1")}
        UNION ALL
        SELECT source_entity_ref, '' FROM claims
        WHERE {among(connection, "source_entity_ref", "$1")} AND NOT ({among(connection, "id", "$2")})
        """
    while True:
        held = await claims.hold_claims_of_entities(connection, sources)
        edges = await connection.fetch(query, list(sources), sorted(held), row_type=Edge)
        if all(edge.target_entity_ref for edge in edges):
            return StandingOfEntities(frozenset(edges), held)
        # They have lost a name since their claims were held; see above.

"""Gathers what the database knows of an entity. It only reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from understage.catalog.database import claims, explaining, reachability, references
from understage.catalog.database.claims import StoredClaim
from understage.catalog.database.explaining import EntityState
from understage.catalog.database.reachability import Incoming
from understage.catalog.explain.model import Explanation, Link, Mention, Waiting
from understage.catalog.explain.reasons import find_reasons
from understage.catalog.processing.orphans import find_dead
from understage.catalog_api import parse_entity_ref
from understage.catalog_api.annotations import MANAGED_BY_LOCATION, MANAGED_BY_ORIGIN_LOCATION
from understage.plugin_api import DatabaseConnection

MAX_CHAIN = 32
MAX_CHILDREN = 20
MAX_MENTIONS = 5


async def explain(connection: DatabaseConnection, ref: str, now: datetime) -> Explanation:
    """Explains an entity by what is stored.

    Args:
        connection: where to read.
        ref: its full name, in any case.
        now: the time.
    """
    lowered = ref.lower()
    explanation = Explanation(entity_ref=lowered)
    explanation.claims = [_waiting(one) for one in await claims.find_claims(connection, [lowered])]
    state = await explaining.find_state(connection, lowered)
    if state is not None:
        await _describe(connection, explanation, state, now)
    if not explanation.is_served:
        explanation.mentions = await _find_mentions(connection, lowered)
    is_dead = state is not None and lowered in await find_dead(connection, [lowered])
    explanation.reasons = find_reasons(explanation, state, now, is_dead=is_dead)
    return explanation


async def _describe(
    connection: DatabaseConnection, explanation: Explanation, state: EntityState, now: datetime
) -> None:
    ref = explanation.entity_ref
    entity = msgspec.json.decode(state.unprocessed_entity)
    explanation.is_known = True
    explanation.is_served = state.last_updated_at is not None
    explanation.uid = state.entity_id
    explanation.location, explanation.origin = _places(entity)
    explanation.location_key = state.location_key
    explanation.errors = msgspec.json.decode(state.errors)
    explanation.last_discovery_at = state.last_discovery_at
    explanation.last_updated_at = state.last_updated_at
    explanation.next_update_at = state.next_update_at
    explanation.failures = state.failures
    explanation.stitch_requested_at = state.stitch_requested_at
    if state.next_update_at <= now:
        explanation.queue_position = await explaining.count_due_before(connection, state.next_update_at)
    incoming = await reachability.find_incoming(connection, [ref])
    explanation.sources = [link for link in map(_link, incoming) if link is not None]
    explanation.chain = await _find_chain(connection, explanation.sources)
    children = await references.find_target_refs(connection, [ref])
    explanation.children, explanation.children_count = children[:MAX_CHILDREN], len(children)
    explanation.relations_count = await explaining.count_relations(connection, ref)
    explanation.refresh_keys = await explaining.find_keys(connection, state.entity_id)
    explanation.waits_for = [_waiting(one) for one in await claims.find_claims_of_entities(connection, [ref])]


async def _find_chain(connection: DatabaseConnection, sources: Sequence[Link]) -> list[Link]:
    """Returns what leads to an entity, by way of providers where there is one."""
    chain: list[Link] = []
    seen: set[str] = set()
    while sources and len(chain) < MAX_CHAIN:
        link = next((one for one in sources if one.kind == "provider"), sources[0])
        chain.append(link)
        if link.kind == "provider" or link.name in seen:
            break
        seen.add(link.name)
        incoming = await reachability.find_incoming(connection, [link.name])
        sources = [one for one in map(_link, incoming) if one is not None]
    return chain


async def _find_mentions(connection: DatabaseConnection, ref: str) -> list[Mention]:
    """Returns errors of others that name the entity in full, or by its kind and name."""
    name = parse_entity_ref(ref).name
    mentions = []
    for whose, errors in await explaining.find_errors_that_name(connection, name, MAX_MENTIONS):
        if whose != ref:
            texts = [_text(error) for error in msgspec.json.decode(errors)]
            mentions += [Mention(whose, text) for text in texts if name in text.lower()]
    return mentions[:MAX_MENTIONS]


def _text(error: dict[str, Any]) -> str:
    cause = error.get("cause")
    text = str(error.get("message", ""))
    deeper = _text(cause) if isinstance(cause, dict) else ""
    return text if not deeper or deeper in text else f"{text}: {deeper}"


def _link(incoming: Incoming) -> Link | None:
    if incoming.source_key is not None:
        return Link("provider", incoming.source_key)
    return None if incoming.source_entity_ref is None else Link("entity", incoming.source_entity_ref)


def _waiting(claim: StoredClaim) -> Waiting:
    source = Link("entity" if claim.source_key is None else "provider", claim.source)
    return Waiting(claim.entity_ref, source, claim.location_key, claim.since)


def _places(entity: dict[str, Any]) -> tuple[str | None, str | None]:
    found = entity["metadata"].get("annotations")
    if not isinstance(found, dict):
        return None, None
    return found.get(MANAGED_BY_LOCATION), found.get(MANAGED_BY_ORIGIN_LOCATION)

"""What clients may do to entities: have them looked at again, delete them, check one before it is added."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from understage.catalog.database import lineage, references, refresh_state, relations, stitching
from understage.catalog.model.envelope import check_envelope
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.processing.orphan_circles import mark_circles
from understage.catalog.processing.orphans import collect, hand_over
from understage.catalog.processing.pipeline import Pipeline
from understage.catalog.processing.retrying import in_transaction
from understage.catalog.processing.storing import OrphanStrategy
from understage.catalog.totals import CHANGES_CHANNEL
from understage.catalog_api import EntityJson, parse_location_ref, stringify_entity_ref
from understage.catalog_api.annotations import MANAGED_BY_LOCATION, MANAGED_BY_ORIGIN_LOCATION
from understage.errors import InputError, NotFoundError, serialize_error
from understage.plugin_api import DatabaseConnection, DatabaseService

MAX_ANCESTORS = 32


class Upkeep:
    """Changes entities on behalf of clients.

    Args:
        database: the catalog's database.
        pipeline: returns what processes entities at present.
        orphan_strategy: what happens to entities that nothing leads to any more.
        on_change: called when there is something to process, and what is served may have changed.
    """

    def __init__(
        self,
        database: DatabaseService,
        pipeline: Callable[[], Pipeline],
        orphan_strategy: OrphanStrategy,
        on_change: Callable[[], None],
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._orphan_strategy = orphan_strategy
        self._on_change = on_change

    async def refresh(self, ref: str) -> None:
        """Makes an entity due at once, and the Locations that led to it.

        Args:
            ref: its full name.

        Raises:
            NotFoundError: there is no such entity, or nothing leads to it.
        """
        lowered = ref.lower()
        if not await lineage.is_alive(self._database, lowered):
            raise NotFoundError(f"Entity {lowered} not found")
        refs = [lowered]
        current = lowered
        for _ in range(MAX_ANCESTORS):
            parents = await lineage.find_parents(self._database, [current])
            if not parents or parents[0].source in refs:
                break
            current = parents[0].source
            refs.append(current)
        due = [one for one in refs if one == lowered or one.startswith("location:")]
        await lineage.schedule(self._database, due, datetime.now(UTC))
        self._on_change()

    async def delete(self, uid: str) -> None:
        """Deletes an entity. If what led to it still does so, it comes back under another id.

        Args:
            uid: its id; without such an entity nothing happens.
        """

        async def delete(connection: DatabaseConnection) -> None:
            ref = await lineage.find_ref(connection, uid.lower())
            if ref is not None:
                await self._delete(connection, ref)
                await connection.notify(CHANGES_CHANNEL)

        await in_transaction(self._database, delete)
        self._on_change()

    async def _delete(self, connection: DatabaseConnection, ref: str) -> None:
        now = datetime.now(UTC)
        parents = sorted({edge.source for edge in await lineage.find_parents(connection, [ref])} - {ref})
        children = sorted(set(await references.find_target_refs(connection, [ref])) - {ref})
        peers = set(await relations.find_relation_sources(connection, [ref])) - {ref}
        if self._orphan_strategy == "keep":
            peers |= set(children)
        await stitching.request_stitching(connection, peers, now)
        await refresh_state.delete_entities(connection, [ref])
        await lineage.schedule(connection, parents, now, anew=True)
        # Whoever has waited for the name takes it over, before what led to the deleted one brings it again.
        await hand_over(connection, [ref], now)
        if self._orphan_strategy == "delete":
            await collect(connection, children, now)
        else:
            await mark_circles(connection, children, now)

    async def validate(self, entity: EntityJson, location: str) -> list[dict[str, Any]]:
        """Processes an entity without storing anything; returns the JSON forms of what is wrong with it.

        Args:
            entity: the entity.
            location: where it would be found: `url:` and an address.

        Raises:
            ServiceUnavailableError: a host wants to be asked later.
        """
        try:
            check_envelope(entity)
            place = parse_location_ref(location)
            if place.type != "url":
                raise InputError(f"Invalid location ref '{location}', only 'url:<target>' is supported")
        except InputError as error:
            # To clients, texts that are no references are errors of the type, as they are elsewhere in the catalog.
            name = error.name if type(error) is InputError else "TypeError"
            return [{**serialize_error(error), "name": name}]
        metadata = entity["metadata"]
        own = metadata.get("annotations") or {}
        if isinstance(own, dict):
            # Not what the entity says of itself: it could claim to be a file, and so read others of this machine.
            places = dict.fromkeys((MANAGED_BY_LOCATION, MANAGED_BY_ORIGIN_LOCATION), str(place))
            entity = {**entity, "metadata": {**metadata, "annotations": {**own, **places}}}
        digest = text_hash(msgspec.json.encode(entity))
        outcome = await self._pipeline().run(stringify_entity_ref(entity), entity, digest, {})
        if outcome.postponed is not None:
            raise outcome.postponed
        return outcome.errors

"""Tries out a location: processes all that it leads to, and stores nothing."""

from collections import deque

import msgspec

from understage.catalog.processing.content_hash import text_hash
from understage.catalog.processing.pipeline import Pipeline
from understage.catalog_api import EntityJson, stringify_entity_ref
from understage.errors import InputError

MAX_ENTITIES = 10_000


async def try_out(pipeline: Pipeline, location: EntityJson) -> list[EntityJson]:
    """Returns the entities that a Location would bring, itself first.

    Args:
        pipeline: what processes entities.
        location: the Location entity.

    Raises:
        ServiceUnavailableError: a host wants to be asked later.
        InputError: something is wrong with one of them, two have the same name, or there are too many.
    """
    root = stringify_entity_ref(location)
    found = {root}
    entities: list[EntityJson] = []
    waiting = deque([(root, msgspec.json.encode(location).decode())])
    while waiting:
        ref, text = waiting.popleft()
        outcome = await pipeline.run(ref, msgspec.json.decode(text), text_hash(text), {})
        if outcome.postponed is not None:
            raise outcome.postponed
        if outcome.errors or outcome.entity is None:
            raise InputError(", ".join(f"{error['name']}: {error['message']}" for error in outcome.errors))
        entities.append(outcome.entity)
        for child in outcome.children:
            if child.ref in found:
                raise InputError(f"Duplicate nested entity: {child.ref}")
            found.add(child.ref)
            waiting.append((child.ref, child.entity))
        if len(found) > MAX_ENTITIES:
            raise InputError(f"The location leads to more than {MAX_ENTITIES} entities: too many to be tried out")
    return entities

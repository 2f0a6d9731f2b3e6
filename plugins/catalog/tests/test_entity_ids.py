"""Ids of entities."""

import time
from uuid import RFC_4122, UUID

from understage.catalog.model.entity_ids import new_entity_id


def test_ids_are_uuids_that_grow_with_time() -> None:
    """Catalog 2.6: an entity's uid is a UUID; later ones sort after those of an earlier millisecond."""
    ids: list[str] = []
    for _ in range(3):
        ids.append(new_entity_id())
        time.sleep(0.002)
    assert ids == sorted(ids)
    for one in ids:
        assert UUID(one).version == 7
        assert UUID(one).variant == RFC_4122
        assert str(UUID(one)) == one


def test_ids_of_one_moment_differ() -> None:
    """Catalog 2.6: no two entities get the same uid."""
    assert len({new_entity_id() for _ in range(10_000)}) == 10_000

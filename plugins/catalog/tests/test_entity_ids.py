"""Ids of entities."""

import time
from uuid import RFC_4122, UUID

from understage.catalog.model.entity_ids import is_entity_id, new_entity_id


def test_ids_are_uuids_that_grow_with_time() -> None:
    """K360: an entity's uid is a UUID; later ones sort after those of an earlier millisecond."""
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
    """K360: no two entities get the same uid."""
    assert len({new_entity_id() for _ in range(10_000)}) == 10_000


def test_the_form_of_an_id_is_known() -> None:
    """K141: whatever is no UUID in lower case, the catalog has no entity of."""
    assert all(is_entity_id(new_entity_id()) for _ in range(100))
    for text in ("", "x", new_entity_id().upper() + "A", new_entity_id().replace("-", ""), f"{{{new_entity_id()}}}"):
        assert not is_entity_id(text)

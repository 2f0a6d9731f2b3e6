"""Refresh keys: what entities are made of, and having them looked at again by it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.database.refresh_keys import replace_keys, schedule_by_keys, stored_key

A_LONG_KEY = "url:https://" + 300 * "x"


@given(st.text())
def test_keys_of_any_length_are_stored_within_255_characters(key: str) -> None:
    """A key of up to 255 characters is stored as it is, a longer one as its beginning with a hash."""
    stored = stored_key(key)
    assert len(stored) <= 255
    assert (stored == key) == (len(key) <= 255)


def test_long_keys_that_begin_alike_stay_apart() -> None:
    """A long key is stored as its first 180 characters, `#sha256:` and the hash of all of it."""
    one, other = stored_key(A_LONG_KEY + "1"), stored_key(A_LONG_KEY + "2")
    assert one != other
    assert one.startswith(A_LONG_KEY[:180] + "#sha256:")


async def test_what_has_a_key_becomes_due(catalog: Any, make_component: Callable[..., str]) -> None:
    """Entities with one of the keys, be they long or short, are due at once; others are left as they are."""
    catalog.write("all.yaml", make_component("one") + make_component("two") + make_component("three"))
    await catalog.start("all.yaml")
    ids = dict(await catalog.database.fetch("SELECT entity_ref, entity_id FROM refresh_state"))
    one, two = ids["component:default/one"], ids["component:default/two"]
    await replace_keys(catalog.database, [one, two], [(one, "url:a"), (one, A_LONG_KEY), (two, A_LONG_KEY)])
    future = datetime.now(UTC) + timedelta(days=1)
    assert await schedule_by_keys(catalog.database, ["url:b"], future) == 0
    assert await schedule_by_keys(catalog.database, ["url:a", "url:b"], future) == 1
    assert await schedule_by_keys(catalog.database, [A_LONG_KEY, "url:a"], future) == 2
    await replace_keys(catalog.database, [one], [(one, "url:b")])
    assert await schedule_by_keys(catalog.database, [A_LONG_KEY, "url:a"], future) == 1
    assert await schedule_by_keys(catalog.database, ["url:b"], future) == 1

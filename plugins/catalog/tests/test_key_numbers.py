"""Numbers of keys in the search index."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import understage.catalog
from understage.catalog.database.texts import IN_TEXT_INDEX, INDEXED_KEYS
from understage.catalog.query.key_numbers import key_number


def test_numbers_never_change() -> None:
    """K468: what one version has stored, the next one finds."""
    assert key_number("kind") == 6495559603441366873
    assert key_number("metadata.name") == 5187275717636843332
    assert key_number("metadata.tags.größe") == -3461153877445484779


@given(st.lists(st.text(), unique=True))
def test_every_key_has_a_number_of_its_own(keys: list[str]) -> None:
    """K468: any text has a number that fits a column of 64 bits, and different ones have different numbers."""
    numbers = {key_number(key) for key in keys}
    assert len(numbers) == len(keys)
    assert all(-(2**63) <= number < 2**63 for number in numbers)


def test_the_index_of_trigrams_is_for_the_keys_that_use_it() -> None:
    """K106: the migration, which holds numbers, and the code mean the same keys."""
    migration = Path(understage.catalog.__file__).parent / "migrations/011_texts.postgres.sql"
    (found,) = re.findall(r"WHERE key IN \(([-\d, ]+)\)", migration.read_text())
    numbers = {int(number) for number in found.split(",")}
    assert numbers == {key_number(key) for key in INDEXED_KEYS}
    assert numbers == {int(number) for number in re.findall(r"-?\d+", IN_TEXT_INDEX)}

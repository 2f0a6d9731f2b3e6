from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understage.defaults.cache import DefaultCache
from understage.defaults.cache.keys import store_key
from understage.defaults.cache.memory import ENTRY_BYTES, MemoryStore
from understage.errors import InputError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> DefaultCache:
    return DefaultCache(MemoryStore(clock=clock), "shop")


async def test_values_come_back(cache: DefaultCache) -> None:
    """S30: what was set is got, until it is deleted; what was never set is None."""
    assert await cache.get("a") is None
    await cache.set("a", {"b": [1, 2.5, "x", None, True]})
    assert await cache.get("a") == {"b": [1, 2.5, "x", None, True]}
    await cache.delete("a")
    assert await cache.get("a") is None
    await cache.delete("a")


@given(value=JSON, key=st.text())
@settings(max_examples=60)
async def test_any_json_under_any_key(value: Any, key: str) -> None:
    """S30, S33: whatever JSON can hold comes back, under any key."""
    cache = DefaultCache(MemoryStore(), "shop")
    await cache.set(key, value)
    assert await cache.get(key) == value


async def test_values_are_copies(cache: DefaultCache) -> None:
    """S30: changing a value that was set or got changes nothing in the cache."""
    value = {"list": [1]}
    await cache.set("a", value)
    value["list"].append(2)
    (await cache.get("a"))["list"].append(3)
    assert await cache.get("a") == {"list": [1]}


@pytest.mark.parametrize("value", [object(), [complex(1)], {"a": len}, {("a",): 1}, "\udcff"])
async def test_values_that_json_cannot_hold(cache: DefaultCache, value: Any) -> None:
    """S30: a value that JSON cannot hold is refused, and the error names the key."""
    with pytest.raises(InputError, match=r"the value for the cache key 'a' cannot be written as JSON"):
        await cache.set("a", value)


async def test_circular_value(cache: DefaultCache) -> None:
    """S30: a value that contains itself is refused."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InputError, match="cannot be written as JSON"):
        await cache.set("a", value)


@pytest.mark.parametrize("ttl", [1500, 1500.0, timedelta(seconds=1.5)])
async def test_ttl(cache: DefaultCache, clock: Clock, ttl: Any) -> None:
    """S30: a value is forgotten after its ttl, in milliseconds or as a timedelta."""
    await cache.set("a", 1, ttl=ttl)
    clock.now += 1.4
    assert await cache.get("a") == 1
    clock.now += 0.2
    assert await cache.get("a") is None


async def test_default_ttl(cache: DefaultCache, clock: Clock) -> None:
    """S30: with_options gives the same cache with another default ttl, which an own ttl beats."""
    short = cache.with_options(default_ttl=timedelta(seconds=1))
    await short.set("default", 1)
    await short.set("own", 2, ttl=timedelta(hours=1))
    await short.set("endless", 3, ttl=0)
    await short.with_options().set("inherited", 4)
    await cache.set("forever", 5)
    assert await cache.get("default") == 1
    clock.now += 2
    values = [await cache.get(key) for key in ("default", "own", "endless", "inherited", "forever")]
    assert values == [None, 2, 3, None, 5]


@pytest.mark.parametrize("ttl", [-1, timedelta(seconds=-1), float("nan")])
async def test_negative_ttl(cache: DefaultCache, ttl: Any) -> None:
    """S30: a ttl below zero is refused, as an argument and as a default."""
    with pytest.raises(InputError, match=r"cannot be kept for"):
        await cache.set("a", 1, ttl=ttl)
    with pytest.raises(InputError, match=r"cannot be kept for"):
        cache.with_options(default_ttl=ttl)


async def test_plugins_are_apart(cache: DefaultCache) -> None:
    """S30: keys of different plugins never meet, though their store is the same."""
    other = cache.for_plugin("search")
    await cache.set("a", "shop")
    await other.set("a", "search")
    assert (await cache.get("a"), await other.get("a")) == ("shop", "search")
    await other.delete("a")
    assert (await cache.get("a"), await other.get("a")) == ("shop", None)


@given(keys=st.sets(st.text(st.characters()) | st.text(min_size=100), min_size=2, max_size=2))
def test_keys_are_safe_and_apart(keys: set[str]) -> None:
    """S33: any text becomes a short ASCII key without blanks, and different texts become different keys."""
    made = {store_key("shop", key) for key in keys}
    assert len(made) == 2
    for key in made:
        assert len(key) <= 200
        assert key.isascii()
        assert key.isprintable()
        assert " " not in key


def test_hashes_are_no_keys() -> None:
    """S33: a long key is hashed, and no short key can be written that equals the hash."""
    hashed = store_key("shop", "x" * 1000)
    assert hashed.startswith("shop:.")
    assert "." not in store_key("shop", hashed)
    assert store_key("shop", "\ud800") != store_key("shop", "?")


async def test_foreign_values_are_none() -> None:
    """S30: what somebody else stored under our key and is no JSON is as good as nothing."""
    store = MemoryStore()
    await store.set(store_key("shop", "a"), b"\x00no json", None)
    assert await DefaultCache(store, "shop").get("a") is None


async def test_memory_is_bounded() -> None:
    """S31: the memory store keeps within its size; what was unused for longest goes first."""
    store = MemoryStore(limit_bytes=3 * (ENTRY_BYTES + 101))
    for key in "abc":
        await store.set(key, bytes(100), None)
    assert await store.get("a") is not None
    await store.set("d", bytes(100), None)
    assert [await store.get(key) is not None for key in "abcd"] == [True, False, True, True]
    await store.set("e", bytes(10_000), None)
    assert await store.get("e") is None
    assert [await store.get(key) is not None for key in "acd"] == [True, True, True]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 400) | st.none()), max_size=60))
def test_memory_counts_right(operations: list[tuple[str, int | None]]) -> None:
    """S31: however values are set and deleted, the store knows its size and never exceeds it."""
    import asyncio

    store = MemoryStore(limit_bytes=1500)

    async def run() -> None:
        for key, size in operations:
            if size is None:
                await store.delete(key)
            else:
                await store.set(key, bytes(size), None)
            values = [value for key in "abcde" if (value := await store.get(key)) is not None]
            assert store.size == sum(len(value) + 1 + ENTRY_BYTES for value in values) <= 1500
        await store.close()
        assert store.size == 0

    asyncio.run(run())

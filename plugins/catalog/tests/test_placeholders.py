"""Placeholders in entities."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.extensions import ProcessingExtensions
from understage.catalog.processors.placeholders import PlaceholderProcessor, _has_placeholders
from understage.catalog.reading.remembered_reads import RememberedReads
from understage.catalog.reading.shared_reads import SharedReads
from understage.catalog_api import LocationRef, Placeholder
from understage.errors import ConflictError
from understage.testing import MockUrlReader

Catalog = Any

PLACE = "https://github.com/acme/shop/blob/main/catalog-info.yaml"
BESIDE = "https://github.com/acme/shop/tree/main"
PLAIN = "https://files.example.com/a/catalog-info.yaml"


def api(definition: str, name: str = "orders") -> str:
    return (
        f"---\napiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {{name: {name}}}\n"
        f"spec: {{type: openapi, lifecycle: production, owner: team, definition: {definition}}}\n"
    )


async def start(catalog: Catalog, text: str, place: str = PLACE, **files: str) -> None:
    catalog.web.files |= {place: text, **files}
    await catalog.start(catalog={"locations": [{"type": "url", "target": place}]})


async def definition(catalog: Catalog, ref: str = "api:default/orders") -> Any:
    entity = await catalog.get(ref)
    return None if entity is None else entity["spec"]["definition"]


async def test_placeholders_stand_for_files(catalog: Catalog) -> None:
    """K377: texts, JSON and YAML are put in place of their placeholders, anywhere, relative to the entity's file."""
    text = api("{$text: ./orders.txt}").replace(
        "owner: team", "owner: team, deep: [{a: {$json: sub/x.json}}, {$yaml: /y.yaml}]"
    )
    files = {
        f"{BESIDE}/orders.txt": "openapi: 3",
        f"{BESIDE}/sub/x.json": '{"b": [1]}',
        f"{BESIDE}/y.yaml": "c: yes\nd: 2026-01-01\n",
    }
    await start(catalog, text, **files)
    spec = (await catalog.get("api:default/orders"))["spec"]
    assert spec["definition"] == "openapi: 3"
    assert spec["deep"] == [{"a": {"b": [1]}}, {"c": "yes", "d": "2026-01-01"}]


async def test_placeholders_need_no_integration(sqlite_catalog: Catalog) -> None:
    """K377: files of any host that may be read will do, with and without a leading dot."""
    files = {"https://files.example.com/a/x.txt": "one", "https://files.example.com/a/b.txt": "two"}
    await start(sqlite_catalog, api("{$text: ./x.txt}") + api("{$text: b.txt}", "other"), PLAIN, **files)
    assert await definition(sqlite_catalog) == "one"
    assert await definition(sqlite_catalog, "api:default/other") == "two"


async def test_other_objects_are_left_alone(sqlite_catalog: Catalog) -> None:
    """K378: unknown placeholders, and those with a second key, stay as they are."""
    text = api("x").replace("owner: team", "owner: team, a: {$secret: x}, b: {$text: ./x, other: {$text: ./y}}")
    await start(sqlite_catalog, text)
    spec = (await sqlite_catalog.get("api:default/orders"))["spec"]
    assert (spec["a"], spec["b"]) == ({"$secret": "x"}, {"$text": "./x", "other": {"$text": "./y"}})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{$text: [1]}", "Placeholder $text expected a string value parameter"),
        ("{$text: ./gone}", "Placeholder $text could not read location ./gone"),
        ("{$json: ./bad}", "Placeholder $json failed to parse JSON data at ./bad"),
        ("{$yaml: ./bad}", "Placeholder $yaml found an error in the data at ./bad"),
        ("{$yaml: ./two}", "Placeholder $yaml expected to find exactly one document of data at ./two, found 2"),
        ("{$yaml: ./empty}", "Placeholder $yaml expected to find exactly one document of data at ./empty, found 0"),
        ("{$text: 'https://github.com/acme/secret/blob/main/x'}", "may only reference files from the same repository"),
        ("{$text: 'https://gitlab.com/acme/shop/-/blob/main/x'}", "may only reference files from the same repository"),
    ],
)
async def test_what_cannot_be_replaced_is_an_error(sqlite_catalog: Catalog, value: str, text: str) -> None:
    """K379, K380: a placeholder that is no text, cannot be read or leaves the repository is an error of its entity."""
    files = {f"{BESIDE}/bad": "{a: [", f"{BESIDE}/two": "a: 1\n---\nb: 2\n", f"{BESIDE}/empty": ""}
    secret = {"https://github.com/acme/secret/blob/main/x": "s", "https://gitlab.com/acme/shop/-/blob/main/x": "s"}
    await start(sqlite_catalog, api(value) + api("fine", "fine"), **files, **secret)
    assert await definition(sqlite_catalog) is None
    assert await definition(sqlite_catalog, "api:default/fine") == "fine"
    assert text in " ".join(sqlite_catalog.logs.problems())


async def test_a_file_cannot_name_relative_addresses(sqlite_catalog: Catalog) -> None:
    """K379: an entity of a file has no address that placeholders could be relative to; other files are not shown."""
    sqlite_catalog.write("x.txt", "secret")
    sqlite_catalog.write("a.yaml", api("{$text: ./x.txt}") + api("{$text: 'https://files.example.com/x'}", "other"))
    sqlite_catalog.web.files["https://files.example.com/x"] = "public"
    await sqlite_catalog.start("a.yaml")
    assert await definition(sqlite_catalog) is None
    assert await definition(sqlite_catalog, "api:default/other") == "public"


async def test_what_a_placeholder_reads_is_a_refresh_key(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """K381, K453: the entity has a key for each file that it shows, and shows its new content after a refresh."""
    monkeypatch.setattr("understage.catalog.reading.shared_reads.SHARED_SECONDS", -1.0)
    await start(catalog, api("{$text: ./x.txt}"), **{f"{BESIDE}/x.txt": "old"})
    rows = await catalog.database.fetch(
        "SELECT k.key FROM refresh_keys k JOIN refresh_state s ON s.entity_id = k.entity_id"
        " WHERE s.entity_ref = 'api:default/orders'"
    )
    assert [row[0] for row in rows] == [f"url:{BESIDE}/x.txt"]
    catalog.web.files[f"{BESIDE}/x.txt"] = "new"
    await catalog.later()
    assert await definition(catalog) == "new"


async def test_modules_add_and_replace_placeholders(catalog: Catalog) -> None:
    """K540, K549: a resolver gets key, value and base, and may read, resolve, emit; it may replace a built-in one."""
    seen: list[tuple[str, Any, str]] = []

    async def shout(placeholder: Placeholder) -> Any:
        seen.append((placeholder.key, placeholder.value, placeholder.base_url))
        url = placeholder.resolve_url(placeholder.value["of"], placeholder.base_url)
        placeholder.emit.refresh(url)
        return (await placeholder.read(url)).decode().upper()

    async def no_text(placeholder: Placeholder) -> Any:
        return f"not {placeholder.value}"

    def extend(extensions: Any) -> None:
        extensions.processing.add_placeholder_resolver("shout", shout)
        extensions.processing.add_placeholder_resolver("text", no_text)

    catalog.extend = extend
    text = api("{$shout: {of: ./x.txt}}") + api("{$text: ./x.txt}", "other")
    await start(catalog, text, **{f"{BESIDE}/x.txt": "hello"})
    assert seen == [("shout", {"of": "./x.txt"}, PLACE)]
    assert await definition(catalog) == "HELLO"
    assert await definition(catalog, "api:default/other") == "not ./x.txt"


def test_a_placeholder_is_added_once() -> None:
    """K540: two modules cannot both bring the same placeholder."""

    async def resolver(placeholder: Placeholder) -> Any:
        return placeholder.value

    extensions = ProcessingExtensions()
    extensions.add_placeholder_resolver("x", resolver)
    with pytest.raises(ConflictError, match=r"the placeholder \$x has two resolvers"):
        extensions.add_placeholder_resolver("x", resolver)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
async def test_entities_without_known_placeholders_stay_as_they_are(value: Any) -> None:
    """K378: whatever an entity holds, what is no known placeholder comes out as it went in."""
    processor = PlaceholderProcessor({}, _never, lambda url, base: url)
    place = LocationRef("url", PLACE)
    emit: Any = None
    entity = {"spec": value}
    assert await processor.pre_process_entity(entity, location=place, origin=place, emit=emit, cache=emit) == entity


async def _never(url: str) -> bytes:
    raise AssertionError(url)


async def test_unchanged_files_are_taken_from_memory() -> None:
    """K435: a file that has not changed is not sent again, as long as there is room to remember it."""
    now = [0.0]
    web = MockUrlReader({"https://x/a": "a" * 10, "https://x/b": "b" * 10})
    reads = RememberedReads(SharedReads(web, _clock(now)), max_bytes=15)
    assert await reads.read_file("https://x/a") == b"a" * 10
    now[0] += 60
    assert await reads.read_file("https://x/a") == b"a" * 10
    now[0] += 60
    web.files["https://x/a"] = "c" * 5
    assert await reads.read_file("https://x/a") == b"ccccc"
    assert await reads.read_file("https://x/b") == b"b" * 10
    now[0] += 60
    assert await reads.read_file("https://x/a") == b"ccccc"
    assert len(web.requests) == 5


def _clock(now: list[float]) -> Callable[[], float]:
    return lambda: now[0]


@pytest.mark.parametrize(
    "value",
    [{"$text": "x"}, {"a": {"$x": 1, "b": 2}}, {"a": [[{"b": {"$": 1}}]]}, {"a": [1, {"b": []}, {"$json": []}]}],
)
def test_keys_with_a_dollar_sign_are_found_anywhere(value: Any) -> None:
    """K377: an entity with such a key is looked at closer, however deep it is."""
    assert _has_placeholders(value)


@pytest.mark.parametrize("value", [{}, {"a$": "$b"}, {"a": ["$x", {"b": "$y"}, [None, 1, True]]}])
def test_dollar_signs_elsewhere_are_no_placeholders(value: Any) -> None:
    """K377: dollar signs within a key or in a text mean nothing."""
    assert not _has_placeholders(value)


def test_what_is_no_json_hides_no_placeholders() -> None:
    """K377: a processor may have put something into the entity that cannot be written as JSON."""
    assert _has_placeholders({"a": object(), "b": [{"$text": "x"}]})
    assert not _has_placeholders({"a": object(), "b": "\ud800"})

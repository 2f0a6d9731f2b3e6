"""Catalog rules and glob patterns."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.catalog.config import read_catalog_config
from understage.catalog.providers.config_locations import location_ref
from understage.catalog.reading.globs import expand_target, glob_pattern
from understage.catalog.rules import CatalogRules, read_rules
from understage.catalog_api import LocationRef
from understage.config import config_from_data
from understage.errors import InputError, NotAllowedError

HERE = LocationRef("file", "/srv/a.yaml")


def rules(catalog: dict[str, Any]) -> CatalogRules:
    settings = read_catalog_config(config_from_data({"catalog": catalog}))
    return read_rules(settings, [(location, location_ref(location)) for location in settings.locations])


def entity(kind: str, spec_type: str | None = None) -> dict[str, Any]:
    spec = {"spec": {"type": spec_type}} if spec_type else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "n"}, **spec}


def test_without_rules_three_kinds_may_come_from_anywhere() -> None:
    """K387: by default Component, API and Location are allowed, in any case."""
    default = rules({})
    assert all(default.is_allowed(entity(kind), HERE) for kind in ("Component", "api", "LOCATION"))
    assert not any(default.is_allowed(entity(kind), HERE) for kind in ("User", "Group", "System"))


def test_own_rules_replace_the_default() -> None:
    """K391, K510: with `catalog.rules`, only what they allow may come."""
    own = rules({"rules": [{"allow": ["System"]}]})
    assert own.is_allowed(entity("System"), HERE)
    assert not own.is_allowed(entity("Component"), HERE)


def test_a_rule_may_name_a_type() -> None:
    """K391: a kind may be allowed with one `spec.type` only; case does not count."""
    own = rules({"rules": [{"allow": [{"kind": "Component", "spec.type": "Website"}]}]})
    assert own.is_allowed(entity("component", "website"), HERE)
    assert not own.is_allowed(entity("Component", "service"), HERE)
    assert not own.is_allowed(entity("Component"), HERE)


def test_a_rule_may_name_locations() -> None:
    """K391: exact targets and patterns, per type."""
    own = rules(
        {
            "rules": [
                {
                    "allow": ["User"],
                    "locations": [
                        {"type": "file", "exact": "/srv/org.yaml"},
                        {"type": "url", "pattern": "https://*.example.com/**/org.yaml"},
                    ],
                },
                {"allow": ["Group"], "locations": [{"type": "file"}]},
            ]
        }
    )
    allowed = [
        LocationRef("file", "/srv/org.yaml"),
        LocationRef("url", "https://git.example.com/.hidden/b/ORG.yaml"),
        LocationRef("url", "https://git.example.com/org.yaml"),
    ]
    assert all(own.is_allowed(entity("User"), location) for location in allowed)
    assert not own.is_allowed(entity("User"), LocationRef("url", "/srv/org.yaml"))
    assert not own.is_allowed(entity("User"), LocationRef("url", "https://example.org/a/org.yaml"))
    assert own.is_allowed(entity("Group"), HERE)
    assert not own.is_allowed(entity("Group"), LocationRef("url", "https://x"))


def test_a_configured_location_adds_kinds_for_itself() -> None:
    """K389: rules of a location count for what comes from it, beside the general ones."""
    own = rules({"locations": [{"type": "file", "target": "/srv/org.yaml", "rules": [{"allow": ["User"]}]}]})
    assert own.is_allowed(entity("User"), LocationRef("file", "/srv/org.yaml"))
    assert not own.is_allowed(entity("User"), LocationRef("file", "/srv/other.yaml"))
    assert own.is_allowed(entity("Component"), HERE)


def test_a_location_matcher_is_exact_or_a_pattern() -> None:
    """K392: both at once is a mistake that stops the start, and the text shows both."""
    both = {"type": "file", "exact": "/a", "pattern": "/b*"}
    with pytest.raises(InputError, match=r"exact \('/a'\) and pattern \('/b\*'\)"):
        rules({"rules": [{"allow": ["User"], "locations": [both]}]})


def test_a_refusal_says_what_would_allow_it() -> None:
    """K388: the text names entity, place and the setting."""
    with pytest.raises(NotAllowedError) as raised:
        rules({}).check(entity("User"), HERE)
    assert str(raised.value) == (
        "Entity user:default/n at file:/srv/a.yaml is not of an allowed kind for that location; add "
        "'rules: [{allow: [User]}]' to the location in catalog.locations, or the kind to catalog.rules"
    )


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/a/*.yaml", "/a/b.yaml", True),
        ("/a/*.yaml", "/a/.b.yaml", True),
        ("/a/*.yaml", "/a/b/c.yaml", False),
        ("/a/**/*.yaml", "/a/c.yaml", True),
        ("/a/**/*.yaml", "/a/x/y/c.yaml", True),
        ("/a/**", "/a/x/y", True),
        ("/a/?.{yaml,yml}", "/A/b.YML", True),
        ("/a/[bc].yaml", "/a/c.yaml", True),
        ("/a/[!bc].yaml", "/a/c.yaml", False),
        ("/a+(b).yaml", "/a+(b).yaml", True),
        ("/a", "/ab", False),
    ],
)
def test_globs(pattern: str, text: str, *, matches: bool) -> None:
    """K391: stars stay within a segment, double stars cross them, case and leading dots do not count."""
    assert bool(glob_pattern(pattern).match(text)) is matches


@given(st.text(st.characters(exclude_characters="*?[]{}", exclude_categories=["Cs"]), max_size=20))
def test_a_pattern_without_wildcards_matches_itself(text: str) -> None:
    """K391: everything but wildcards is literal."""
    assert glob_pattern(text).match(text)


def test_a_file_target_expands_to_files(tmp_path: Path) -> None:
    """K385: a target that exists is itself, else it is a glob over files, with alternatives, in order."""
    for name in ("b/one.yaml", "a/two.yml", "a/three.yaml", "a/[x].yaml", "a/no.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    root = str(tmp_path)
    assert expand_target(f"{root}/a/[x].yaml") == [f"{root}/a/[x].yaml"]
    assert expand_target(f"{root}/**/*.{{yaml,yml}}") == [
        f"{root}/a/[x].yaml",
        f"{root}/a/three.yaml",
        f"{root}/a/two.yml",
        f"{root}/b/one.yaml",
    ]
    assert expand_target(f"{root}/nothing*") == []
    assert expand_target(f"{root}/*") == []

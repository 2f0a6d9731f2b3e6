"""Catalog rules: which kinds of entities may come from which locations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from understage.catalog.config import AllowedKind, CatalogConfig, LocationConfig, RuleConfig
from understage.catalog.reading.globs import glob_pattern
from understage.catalog_api import EntityJson, LocationRef, stringify_entity_ref
from understage.errors import InputError, NotAllowedError

DEFAULT_KINDS = ("Component", "API", "Location")


@dataclass(frozen=True, slots=True)
class KindMatcher:
    """A kind that may come, maybe only with one `spec.type`; in lower case."""

    kind: str
    spec_type: str | None = None

    def matches(self, kind: str, spec_type: str | None) -> bool:
        """Tells whether it allows an entity."""
        return self.kind == kind and (self.spec_type is None or self.spec_type == spec_type)


@dataclass(frozen=True, slots=True)
class LocationMatcher:
    """Locations that a rule is about.

    Attributes:
        type: `file`, `url`, ...
        exact: the one target, or None for any.
        pattern: what the target must match, or None for any.
    """

    type: str
    exact: str | None = None
    pattern: re.Pattern[str] | None = None

    def matches(self, location: LocationRef) -> bool:
        """Tells whether a location is meant."""
        if self.type != location.type:
            return False
        if self.exact is not None:
            return self.exact == location.target
        return self.pattern is None or bool(self.pattern.match(location.target))


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows kinds from locations; no locations means all."""

    allow: tuple[KindMatcher, ...]
    locations: tuple[LocationMatcher, ...] = ()

    def allows(self, kind: str, spec_type: str | None, origin: LocationRef) -> bool:
        """Tells whether it allows an entity that came from a location."""
        return any(one.matches(kind, spec_type) for one in self.allow) and (
            not self.locations or any(one.matches(origin) for one in self.locations)
        )


class CatalogRules:
    """Decides whether an entity may come from where it came from.

    Args:
        rules: what is allowed; the rest is not.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._decide = lru_cache(maxsize=4096)(self._decide_uncached)

    def is_allowed(self, entity: EntityJson, origin: LocationRef) -> bool:
        """Tells whether an entity may come from a registered location.

        Args:
            entity: an entity whose envelope is valid.
            origin: the location by which the entity came in the end.
        """
        spec = entity.get("spec")
        spec_type = spec.get("type") if isinstance(spec, dict) else None
        return self._decide(entity["kind"].lower(), spec_type.lower() if isinstance(spec_type, str) else None, origin)

    def check(self, entity: EntityJson, origin: LocationRef) -> None:
        """Checks that an entity may come from a registered location.

        Raises:
            NotAllowedError: it may not; the text says which setting would allow it.
        """
        if not self.is_allowed(entity, origin):
            kind = entity["kind"]
            raise NotAllowedError(
                f"Entity {stringify_entity_ref(entity)} at {origin} is not of an allowed kind for that location; "
                f"add 'rules: [{{allow: [{kind}]}}]' to the location in catalog.locations, or the kind to catalog.rules"
            )

    def _decide_uncached(self, kind: str, spec_type: str | None, origin: LocationRef) -> bool:
        return any(rule.allows(kind, spec_type, origin) for rule in self.rules)


def read_rules(config: CatalogConfig, locations: Sequence[tuple[LocationConfig, LocationRef]]) -> CatalogRules:
    """Returns the rules of the configuration.

    Args:
        config: the section `catalog`.
        locations: the configured locations, each with the reference that its entities will name as their origin.

    Raises:
        InputError: a location matcher has both `exact` and `pattern`.
    """
    rules = [_rule(rule) for rule in config.rules or [RuleConfig(allow=list(DEFAULT_KINDS))]]
    for location, ref in locations:
        matcher = LocationMatcher(ref.type, exact=ref.target)
        rules += [Rule(_kinds(rule.allow), (matcher,)) for rule in location.rules]
    return CatalogRules(rules)


def _rule(config: RuleConfig) -> Rule:
    matchers: list[LocationMatcher] = []
    for location in config.locations or ():
        if location.exact is not None and location.pattern is not None:
            raise InputError(
                f"catalog.rules: a location matcher has both exact ('{location.exact}') and pattern "
                f"('{location.pattern}'); keep one of them"
            )
        pattern = glob_pattern(location.pattern) if location.pattern is not None else None
        matchers.append(LocationMatcher(location.type, location.exact, pattern))
    return Rule(_kinds(config.allow), tuple(matchers))


def _kinds(allow: Sequence[str | AllowedKind]) -> tuple[KindMatcher, ...]:
    return tuple(
        KindMatcher(one.lower())
        if isinstance(one, str)
        else KindMatcher(one.kind.lower(), one.spec_type.lower() if one.spec_type is not None else None)
        for one in allow
    )

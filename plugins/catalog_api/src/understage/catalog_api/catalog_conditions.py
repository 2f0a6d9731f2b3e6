"""Conditions on entities, for policies: `catalog_conditional_decision(is_entity_owner(claims))`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understage.catalog_api import permission_rules as rules
from understage.permission_api import (
    Condition,
    ConditionalDecision,
    PermissionCriteria,
    PermissionRule,
    condition,
    conditional_decision,
)


def has_annotation(annotation: str, value: str | None = None) -> Condition:
    """Returns the condition that an entity has an annotation, maybe of a certain value."""
    return _with_value(rules.has_annotation, {"annotation": annotation}, value)


def has_label(label: str, value: str | None = None) -> Condition:
    """Returns the condition that an entity has a label, maybe of a certain value."""
    return _with_value(rules.has_label, {"label": label}, value)


def has_metadata(key: str, value: str | None = None) -> Condition:
    """Returns the condition that an entity has something below `metadata`, maybe of a certain value."""
    return _with_value(rules.has_metadata, {"key": key}, value)


def has_spec(key: str, value: str | None = None) -> Condition:
    """Returns the condition that an entity has something below `spec`, maybe of a certain value."""
    return _with_value(rules.has_spec, {"key": key}, value)


def is_entity_kind(kinds: Sequence[str]) -> Condition:
    """Returns the condition that an entity is of one of some kinds."""
    return condition(rules.is_entity_kind, {"kinds": list(kinds)})


def is_entity_owner(claims: Sequence[str]) -> Condition:
    """Returns the condition that one of some users or groups owns an entity.

    Args:
        claims: their full names, such as what a user's token says that they own things as.
    """
    return condition(rules.is_entity_owner, {"claims": list(claims)})


def catalog_conditional_decision(conditions: PermissionCriteria[Condition]) -> ConditionalDecision:
    """Returns a policy's decision that conditions on the entity decide.

    Args:
        conditions: one, or several combined with `all_of`, `any_of` and `not_` of `understage.permission_api`.
    """
    return conditional_decision(rules.catalog_entity_permission_resource_ref, conditions)


def _with_value(rule: PermissionRule[Any, Any], params: dict[str, str], value: str | None) -> Condition:
    return condition(rule, params if value is None else {**params, "value": value})

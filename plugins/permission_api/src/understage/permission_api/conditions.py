"""Combining conditions, deciding by them, and putting them to resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from typing_extensions import TypeVar

from understage.errors import InputError
from understage.plugin_api import (
    AllOf,
    AnyOf,
    Condition,
    ConditionalDecision,
    Not,
    PermissionCriteria,
    PermissionResourceRef,
    PermissionRule,
)
from understage.plugin_api.permission_criteria import evaluate, transform

LeafT = TypeVar("LeafT")
ResourceT = TypeVar("ResourceT")
QueryT = TypeVar("QueryT")


def all_of(*parts: PermissionCriteria[LeafT]) -> AllOf[LeafT]:
    """Returns criteria that are fulfilled if all parts are.

    Raises:
        InputError: there is no part.
    """
    return AllOf(_some(parts, "all_of"))


def any_of(*parts: PermissionCriteria[LeafT]) -> AnyOf[LeafT]:
    """Returns criteria that are fulfilled if one of the parts is.

    Raises:
        InputError: there is no part.
    """
    return AnyOf(_some(parts, "any_of"))


def not_(part: PermissionCriteria[LeafT]) -> Not[LeafT]:
    """Returns criteria that are fulfilled if the part is not."""
    return Not(part)


def condition(rule: PermissionRule[Any, Any], params: object = None) -> Condition:
    """Returns the condition that a resource fulfils a rule.

    Args:
        rule: the rule.
        params: its parameters: JSON data or an instance of the rule's model; None if it has none.

    Raises:
        InputError: the parameters are not valid.
    """
    resource_type = rule.resource_ref.resource_type
    if rule.params_schema is None:
        return Condition(rule.name, resource_type)
    try:
        data = rule.params_schema.encode({} if params is None else params)
    except InputError as error:
        raise InputError(f"Parameters to rule {rule.name} are invalid", error) from error
    return Condition(rule.name, resource_type, msgspec.to_builtins(data))


def conditional_decision(
    resource_ref: PermissionResourceRef[Any, Any], conditions: PermissionCriteria[Condition]
) -> ConditionalDecision:
    """Returns a policy's decision that the conditions decide.

    Args:
        resource_ref: the kind of resource that the conditions judge.
        conditions: what the resource must fulfil.
    """
    return ConditionalDecision(resource_ref.plugin_id, resource_ref.resource_type, conditions)


def apply_conditions(
    conditions: PermissionCriteria[Condition],
    resource: ResourceT | None,
    rules: Iterable[PermissionRule[ResourceT, Any]],
) -> bool:
    """Tells whether a resource fulfils conditions; one that does not exist never does.

    Args:
        conditions: what is asked.
        resource: the resource, or None.
        rules: the rules that the conditions may name.

    Raises:
        InputError: a rule is not known, or its parameters are not valid.
    """
    if resource is None:
        return False
    known = _by_name(rules)
    return evaluate(conditions, lambda leaf: _rule(known, leaf).applies(resource, leaf.params))


def conditions_to_query(
    conditions: PermissionCriteria[Condition], rules: Iterable[PermissionRule[Any, QueryT]]
) -> PermissionCriteria[QueryT]:
    """Returns the query that finds the resources which fulfil conditions, of the same shape as they are.

    Args:
        conditions: what is asked.
        rules: the rules that the conditions may name.

    Raises:
        InputError: a rule is not known, or its parameters are not valid.
    """
    known = _by_name(rules)
    return transform(conditions, lambda leaf: _rule(known, leaf).query(leaf.params))


def _some(parts: tuple[PermissionCriteria[LeafT], ...], name: str) -> tuple[PermissionCriteria[LeafT], ...]:
    if not parts:
        raise InputError(f"{name}() needs at least one condition")
    return parts


def _by_name(rules: Iterable[PermissionRule[ResourceT, QueryT]]) -> Mapping[str, PermissionRule[ResourceT, QueryT]]:
    return {rule.name: rule for rule in rules}


def _rule(known: Mapping[str, PermissionRule[ResourceT, QueryT]], leaf: Condition) -> PermissionRule[ResourceT, QueryT]:
    rule = known.get(leaf.rule)
    if rule is None or rule.resource_ref.resource_type != leaf.resource_type:
        names = ", ".join(known) or "none"
        raise InputError(
            f"Permission rule '{leaf.rule}' does not exist for resource type '{leaf.resource_type}'; known are: {names}"
        )
    return rule

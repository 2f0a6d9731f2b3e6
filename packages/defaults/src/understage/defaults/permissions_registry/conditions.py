"""Judges a plugin's resources by conditions that others send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from understage.defaults.permissions_registry.registry import DefaultPermissionsRegistry, Ruleset
from understage.errors import InputError, UnderstageError, UnsupportedOperationError
from understage.plugin_api import Condition, PermissionCriteria
from understage.plugin_api.permission_criteria import criteria_from_json, evaluate, transform

TURN_SECONDS: Final = 0.005

Result: TypeAlias = Literal["ALLOW", "DENY"]

_DENY: Final[Result] = "DENY"


class ConditionsItem(msgspec.Struct, frozen=True):
    """A question: which of these resources fulfil the conditions?

    Attributes:
        id: by which the answer is found.
        refs: the resources.
        is_list: whether they were asked for as a list, and are answered as one.
        resource_type: their kind.
        criteria: the conditions.
    """

    id: str
    refs: Sequence[str]
    is_list: bool
    resource_type: str
    criteria: PermissionCriteria[Condition]


def read_items(body: Any) -> list[ConditionsItem]:
    """Reads the body of a request.

    Args:
        body: the JSON data.

    Raises:
        InputError: it is malformed; the message says where.
    """
    items = cast("dict[str, Any]", body).get("items") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise InputError("items: expected a list")
    return [_read_item(item, f"items[{index}]") for index, item in enumerate(cast("list[object]", items))]


def _read_item(data: object, path: str) -> ConditionsItem:
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected an object")
    item = cast("dict[str, Any]", data)
    for key in ("id", "resourceType"):
        if not isinstance(item.get(key), str):
            raise InputError(f"{path}.{key}: expected a text")
    ref = item.get("resourceRef")
    refs: list[Any] = ref if isinstance(ref, list) else [ref]
    if not refs or not all(isinstance(one, str) for one in refs):
        raise InputError(f"{path}.resourceRef: expected a text, or a list of at least one")
    criteria = criteria_from_json(item.get("conditions"), path=f"{path}.conditions")
    return ConditionsItem(item["id"], refs, isinstance(ref, list), item["resourceType"], criteria)


async def apply_conditions(
    registry: DefaultPermissionsRegistry, items: Sequence[ConditionsItem]
) -> list[dict[str, Any]]:
    """Answers questions, in their order: `{"id", "result"}`. A resource that does not exist is denied.

    Args:
        registry: the plugin's rules and what loads its resources.
        items: the questions.

    Raises:
        InputError: the plugin has no such kind of resource or rule, or parameters of a rule are not valid.
        UnsupportedOperationError: the plugin cannot load resources of that kind.
    """
    unknown = sorted({item.resource_type for item in items} - registry.loaders.keys())
    if unknown:
        raise InputError(f"Unexpected resource types: {', '.join(unknown)}.")
    resources = {
        resource_type: await _load(registry, resource_type, items)
        for resource_type in dict.fromkeys(item.resource_type for item in items)
    }
    answers: list[dict[str, Any]] = []
    turn = _Turn()
    for item in items:
        found = resources[item.resource_type]
        results = await _judge(
            registry.ruleset(item.resource_type), item.criteria, [found[ref] for ref in item.refs], turn
        )
        answers.append({"id": item.id, "result": results if item.is_list else results[0]})
    return answers


class _Turn:
    """How long this turn of the event loop has been taken; judging is the plugin's code, and may go on for long."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def pause(self) -> None:
        """Lets others go on, if it is time."""
        if time.perf_counter() - self._began > TURN_SECONDS:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


async def _judge(
    ruleset: Ruleset, criteria: PermissionCriteria[Condition], resources: Sequence[Any], turn: _Turn
) -> Sequence[Result]:
    if all(resource is None for resource in resources):
        return [_DENY for _ in resources]
    tests = transform(criteria, lambda condition: ruleset.get_rule_by_name(condition.rule).test(condition.params))
    results: list[Result] = []
    for resource in resources:
        results.append(_DENY if resource is None else _result(tests, resource))
        await turn.pause()
    return results


def _result(tests: PermissionCriteria[Callable[[Any], bool]], resource: Any) -> Result:
    return "ALLOW" if evaluate(tests, lambda test: test(resource)) else _DENY


async def _load(
    registry: DefaultPermissionsRegistry, resource_type: str, items: Sequence[ConditionsItem]
) -> dict[str, Any]:
    """Loads each resource of a kind once."""
    load = registry.loaders[resource_type]
    if load is None:
        raise UnsupportedOperationError(
            f"This plugin cannot apply conditions to resources of type '{resource_type}': it does not load them by ref"
        )
    refs = list(dict.fromkeys(ref for item in items if item.resource_type == resource_type for ref in item.refs))
    resources = await load(refs)
    if len(resources) != len(refs):
        raise UnderstageError(
            f"get_resources of '{resource_type}' returned {len(resources)} resources for {len(refs)} refs; "
            "expected one each, None for those that do not exist"
        )
    return dict(zip(refs, resources, strict=True))

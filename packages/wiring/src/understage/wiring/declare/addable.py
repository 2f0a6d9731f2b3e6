"""What `backend.add` takes, and how one gets from it to a feature."""

import inspect
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from understage.plugin_api import (
    BackendFeature,
    BackendModule,
    BackendPlugin,
    CodeLocation,
    FeatureLoader,
    ModuleFeature,
    PluginFeature,
    ServiceFactory,
)
from understage.wiring.declare.importing import import_attribute
from understage.wiring.declare.records import Failure, Origin, ResolvedFeature, owner_name
from understage.wiring.errors import InvalidFeatureError, RegistrationError, WiringError

Feature = BackendFeature | ModuleType | str | Callable[[], BackendFeature]
AddableFeature = Feature | Awaitable[Feature]

_FEATURE_CLASSES = (ServiceFactory, PluginFeature, ModuleFeature, FeatureLoader)
_KNOWN_TAGS = {("service", "v1"), ("plugin", "v1"), ("module", "v1"), ("loader", "v1")}
_LONGEST_CHAIN = 10
_LONGEST_DUMP = 500


@dataclass(frozen=True, slots=True)
class Added:
    """Something that stands for a feature.

    Attributes:
        value: what was passed to `backend.add`, or what a loader returned.
        origin: where that happened.
    """

    value: object
    origin: Origin


async def resolve_feature(added: Added) -> ResolvedFeature | Failure:
    """Follows strings, modules, callables and awaitables to the feature that they stand for.

    Args:
        added: what was added.
    """
    value, origin = added.value, added.origin
    try:
        for _ in range(_LONGEST_CHAIN):
            if isinstance(value, _FEATURE_CLASSES):
                return _checked(value, origin)
            if isinstance(value, str):
                value, seconds = await _import(value, origin)
                origin = replace(origin, name=origin.name or str(added.value), import_seconds=seconds)
            elif inspect.isawaitable(value):
                value = await value
            else:
                value = _unwrap(value, origin.added_at)
    except WiringError as error:
        return Failure(error)
    except _UnusableOptionsError as error:
        return Failure(error.error, error.plugin_id, error.module_id)
    return Failure(_not_a_feature(added.value, origin.added_at, "leads from one wrapper to the next without end"))


def _checked(feature: Any, origin: Origin) -> ResolvedFeature | Failure:
    if (feature.feature_type, feature.version) in _KNOWN_TAGS:
        return ResolvedFeature(feature, origin)
    return _unknown_tag(feature, origin.added_at)


def _unwrap(value: object, location: CodeLocation | None) -> object:
    if isinstance(value, ModuleType):
        if hasattr(value, "feature"):
            return value.feature
        raise InvalidFeatureError(
            f"module '{value.__name__}' has no attribute 'feature'",
            feature=value,
            location=location,
            hint="name the feature 'feature' there, or add 'package.module:attribute'",
        )
    if isinstance(value, BackendPlugin | BackendModule):
        _check_options(value)
        return value()
    if hasattr(value, "feature_type"):
        failure = _unknown_tag(value, location)
        raise _UnusableOptionsError(failure.plugin_id, failure.module_id, failure.error)
    if callable(value):
        return _call(value, location)
    raise _not_a_feature(value, location, "is no feature")


def _call(function: Callable[..., object], location: CodeLocation | None) -> object:
    required = _required_parameters(function)
    if required:
        raise InvalidFeatureError(
            f"{_dump(function)} cannot be added: it needs arguments ({', '.join(required)})",
            feature=function,
            location=location,
            hint="call it, and add what it returns",
        )
    try:
        return function()
    except Exception as error:
        raise InvalidFeatureError(
            f"{_dump(function)} raised when it was asked for its feature",
            feature=function,
            location=location,
            cause=error,
        ) from error


def _required_parameters(function: Callable[..., object], skip: int = 0) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())[skip:]
    except (TypeError, ValueError):  # some built-in callables have no signature
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in optional]


def _check_options(feature: BackendPlugin[Any] | BackendModule[Any]) -> None:
    missing = _required_parameters(feature.__wrapped__, skip=1)
    if missing:
        module_id = feature.module_id if isinstance(feature, BackendModule) else None
        error = RegistrationError(
            owner_name(feature.plugin_id, module_id),
            f"was added without its required options: {', '.join(missing)}",
            location=feature.location,
            hint=f"add it as feature({', '.join(f'{name}=...' for name in missing)})",
        )
        raise _UnusableOptionsError(feature.plugin_id, module_id, error)


def _unknown_tag(feature: object, location: CodeLocation | None) -> Failure:
    tag = f"{getattr(feature, 'feature_type', None)!r} version {getattr(feature, 'version', None)!r}"
    plugin_id = getattr(feature, "plugin_id", None)
    error = InvalidFeatureError(
        f"{_dump(feature)} is a feature of an unknown kind: {tag}",
        feature=feature,
        location=location,
        hint="it was made for another version of understage-plugin-api than the installed one",
    )
    return Failure(error, plugin_id if isinstance(plugin_id, str) else None)


def _not_a_feature(value: object, location: CodeLocation | None, problem: str) -> InvalidFeatureError:
    return InvalidFeatureError(
        f"{_dump(value)} {problem}",
        feature=value,
        location=location,
        hint="add a plugin, module, service factory or feature loader, a function that returns one, or its import name",
    )


def _dump(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_DUMP else f"{text[:_LONGEST_DUMP]}..."


async def _import(name: str, origin: Origin) -> tuple[object, float]:
    started = time.perf_counter()
    fresh = name.partition(":")[0] not in sys.modules
    value = await import_attribute(name, default_attribute="feature", location=origin.added_at)
    return value, time.perf_counter() - started if fresh else 0.0


class _UnusableOptionsError(Exception):
    """Carries an error out of `_unwrap` together with whom it counts against."""

    def __init__(self, plugin_id: str | None, module_id: str | None, error: BaseException) -> None:
        super().__init__(str(error))
        self.plugin_id, self.module_id, self.error = plugin_id, module_id, error

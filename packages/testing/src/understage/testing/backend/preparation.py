"""Prepares the features under test: plugins for orphan modules, and fakes of extension points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from understage.errors import InputError
from understage.plugin_api import (
    ExtensionPoint,
    ModuleFeature,
    ModuleRegistrationPoints,
    PluginFeature,
    PluginRegistrationPoints,
)
from understage.plugin_api.location import caller_location
from understage.wiring.declare.addable import Added, resolve_feature
from understage.wiring.declare.recorder import record_registration
from understage.wiring.declare.records import Failure, Origin, Registration

FakeExtensionPoint = tuple[ExtensionPoint[Any], Any]
_FAKES_MODULE = "test-extension-points"


async def prepare_features(features: Iterable[Any], extension_points: Sequence[FakeExtensionPoint]) -> list[Any]:
    """Returns everything to add to a test backend.

    Args:
        features: what is under test.
        extension_points: fakes of extension points that modules under test consume.

    Raises:
        InputError: no module under test consumes one of these extension points.
    """
    resolved = [await _resolve(feature) for feature in features]
    if extension_points:
        registrations = {index: _record(feature) for index, feature in enumerate(resolved)}
        resolved = [_recorded(feature, registrations[index]) for index, feature in enumerate(resolved)]
        resolved += _fakes(extension_points, [found for found in registrations.values() if found is not None])
    plugin_ids = {feature.plugin_id for feature in resolved if isinstance(feature, PluginFeature)}
    orphaned = {feature.plugin_id for feature in resolved if isinstance(feature, ModuleFeature)} - plugin_ids
    return [*resolved, *(_stub_plugin(plugin_id) for plugin_id in sorted(orphaned))]


async def _resolve(feature: Any) -> Any:
    """Returns the feature that something stands for, or the thing itself for the backend to complain about."""
    factory = getattr(feature, "factory", None) if hasattr(feature, "assert_not_called") else None
    resolved = await resolve_feature(Added(feature if factory is None else factory, Origin(caller_location())))
    return feature if isinstance(resolved, Failure) else resolved.feature


def _record(feature: Any) -> Registration | None:
    if not isinstance(feature, ModuleFeature):
        return None
    registration = record_registration(feature, Origin())
    return None if isinstance(registration, Failure) else registration


def _recorded(feature: Any, registration: Registration | None) -> Any:
    """Returns a module that registers what was recorded already, because `register` runs only once."""
    if registration is None:
        return feature

    def register(env: ModuleRegistrationPoints) -> None:
        for point in registration.extension_points:
            env.register_extension_point(point.ref, factory=point.build)
        assert registration.init is not None  # noqa: S101 - a registration without init is a failure
        env.register_init(registration.init, deps=registration.deps)

    return replace(feature, register=register)


def _fakes(extension_points: Sequence[FakeExtensionPoint], modules: Sequence[Registration]) -> list[ModuleFeature]:
    by_plugin: dict[str, list[FakeExtensionPoint]] = {}
    unknown: list[str] = []
    for ref, fake in extension_points:
        consumer = next((module for module in modules if ref in module.deps.values()), None)
        if consumer is None:
            unknown.append(str(ref))
        else:
            by_plugin.setdefault(consumer.plugin_id, []).append((ref, fake))
    if unknown:
        raise InputError(
            f"no module under test consumes {', '.join(unknown)}, so the plugin that it belongs to is not known\n"
            "  hint: pass the module to start_test_backend(features=[...]), or leave the extension point out"
        )
    return [_fakes_module(plugin_id, fakes) for plugin_id, fakes in by_plugin.items()]


def _fakes_module(plugin_id: str, fakes: Sequence[FakeExtensionPoint]) -> ModuleFeature:
    def register(env: ModuleRegistrationPoints) -> None:
        for ref, fake in fakes:
            env.register_extension_point(ref, fake)
        env.register_init(_do_nothing)

    return ModuleFeature(plugin_id, _FAKES_MODULE, register)


def _stub_plugin(plugin_id: str) -> PluginFeature:
    def register(env: PluginRegistrationPoints) -> None:
        env.register_init(_do_nothing)

    return PluginFeature(plugin_id, register)


async def _do_nothing() -> None:
    return

"""All that happens before anything starts: imports, feature loaders, registration, validation."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from understage.plugin_api import ModuleFeature, PluginFeature
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.declare.addable import Added
from understage.wiring.declare.recorder import record_registration
from understage.wiring.declare.records import Failure, Registration
from understage.wiring.errors import PluginSelectionError, WiringError
from understage.wiring.graph.plan import Plan, make_plan
from understage.wiring.graph.validation import validate
from understage.wiring.load.collector import FeatureCollector, LoaderRun
from understage.wiring.start.instance_metadata import InstanceMetadata, instance_metadata_factory


@dataclass(slots=True)
class Preparation:
    """What is known before anything starts.

    Attributes:
        plan: what is to be started, and what failed already.
        registrations: everything that registered.
        errors: what counts against no plugin or module, and so aborts the start.
        failures: what counts against plugins and modules.
        loaders: the feature loaders that ran.
        begun: when it began, by `time.perf_counter()`.
        ended: when it was done.
    """

    plan: Plan
    registrations: list[Registration]
    errors: list[BaseException]
    failures: list[Failure]
    loaders: list[LoaderRun]
    begun: float
    ended: float


async def prepare(
    registry: ServiceRegistry, added: Sequence[Added], only: Collection[str] | None = None
) -> Preparation:
    """Imports, loads, registers and validates everything; creates only the services that feature loaders ask for.

    Args:
        registry: the services.
        added: what was added to the backend.
        only: ids of the plugins that register, with their modules; None for all.
    """
    begun = time.perf_counter()
    collector = FeatureCollector(registry)
    await collector.collect(added)
    metadata = InstanceMetadata()
    errors: list[BaseException] = []
    try:
        registry.providers.add(instance_metadata_factory(metadata), "built-in")
    except WiringError as error:
        errors.append(error)
    if only is not None:
        errors.extend(_select(collector, only))
    registrations, failures = _register(collector)
    plan = make_plan(registrations, [*collector.failures, *failures])
    metadata.fill(plan)
    errors.extend(await validate(plan, registry.providers))
    errors[:0] = [failure.error for failure in plan.failures if failure.plugin_id is None]
    attributed = [failure for failure in plan.failures if failure.plugin_id is not None]
    return Preparation(plan, registrations, _distinct(errors), attributed, collector.runs, begun, time.perf_counter())


def _select(collector: FeatureCollector, only: Collection[str]) -> list[WiringError]:
    """Leaves the plugins out that are not wanted, with their modules."""
    present = [item.feature.plugin_id for item in collector.features if isinstance(item.feature, PluginFeature)]
    collector.features = [
        item
        for item in collector.features
        if not isinstance(item.feature, PluginFeature | ModuleFeature) or item.feature.plugin_id in only
    ]
    missing = [plugin_id for plugin_id in only if plugin_id not in present]
    return [PluginSelectionError(missing, present)] if missing else []


def _register(collector: FeatureCollector) -> tuple[list[Registration], list[Failure]]:
    registrations: list[Registration] = []
    failures: list[Failure] = []
    for item in collector.features:
        if isinstance(item.feature, PluginFeature | ModuleFeature):
            recorded = record_registration(item.feature, item.origin)
            if isinstance(recorded, Failure):
                failures.append(recorded)
            else:
                registrations.append(recorded)
    return registrations, failures


def _distinct(errors: list[BaseException]) -> list[BaseException]:
    return list({str(error): error for error in errors}.values())

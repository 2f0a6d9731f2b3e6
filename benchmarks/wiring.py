"""Framework time of wiring a large backend: 200 plugins with five plugin-scoped services each, and two modules.

    python benchmarks/wiring.py [--plugins 200] [--repeats 5]

Prints a line of JSON: milliseconds of start and stop (best of the repeats), instances created, milliseconds by phase.
"""

import argparse
import asyncio
import gc
import json
import time
from typing import Any

from understage.plugin_api import (
    ModuleRegistrationPoints,
    PluginMetadata,
    PluginRegistrationPoints,
    ServiceRef,
    core_services,
    create_backend_module,
    create_backend_plugin,
    create_extension_point,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import Backend

SERVICES_PER_PLUGIN = 5
MODULES_PER_PLUGIN = 2


class Service:
    def __init__(self, plugin_id: str) -> None:
        self.plugin_id = plugin_id


refs: list[ServiceRef[Service]] = [create_service_ref(Service, id=f"bench.s{n}") for n in range(SERVICES_PER_PLUGIN)]


def factory(index: int) -> Any:
    """Returns a factory that needs plugin metadata and the service before it."""
    deps: dict[str, ServiceRef[Any]] = {"plugin": core_services.plugin_metadata}
    if index:
        deps["before"] = refs[index - 1]

    @create_service_factory(service=refs[index], deps=deps)
    def create(plugin: PluginMetadata, before: Service | None = None) -> Service:
        return Service(plugin.id)

    return create


def features(plugin_id: str) -> list[Any]:
    point = create_extension_point(list[str], id=f"{plugin_id}.things")

    @create_backend_plugin(plugin_id=plugin_id)
    def plugin(env: PluginRegistrationPoints) -> None:
        env.register_extension_point(point, [])

        async def init(**services: Service) -> None:
            assert len(services) == SERVICES_PER_PLUGIN

        env.register_init(init, deps={ref.id[-2:]: ref for ref in refs})

    def module(number: int) -> Any:
        @create_backend_module(plugin_id=plugin_id, module_id=f"m{number}")
        def registered(env: ModuleRegistrationPoints) -> None:
            async def init(things: list[str]) -> None:
                things.append(env.module_id)

            env.register_init(init, deps={"things": point})

        return registered

    return [plugin, *(module(number) for number in range(MODULES_PER_PLUGIN))]


async def measure(plugins: int) -> dict[str, float]:
    backend = Backend([factory(index) for index in range(SERVICES_PER_PLUGIN)], process_handlers=False)
    for number in range(plugins):
        for feature in features(f"plugin-{number}"):
            backend.add(feature)
    gc.collect()
    begun = time.perf_counter()
    await backend.start()
    started = time.perf_counter()
    await backend.stop()
    stopped = time.perf_counter()
    report = await backend.inspect()
    assert report.phases is not None
    instances = sum(len(service.instances) for service in report.services)
    return {
        "start_ms": (started - begun) * 1000,
        "stop_ms": (stopped - started) * 1000,
        "prepare_ms": report.phases.prepare_ms,
        "plugins_ms": report.phases.plugins_ms,
        "instances": instances,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugins", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    runs = [asyncio.run(measure(options.plugins)) for _ in range(options.repeats)]
    best = min(runs, key=lambda run: run["start_ms"])
    rounded = {name: round(value, 2) for name, value in best.items()}
    print(json.dumps({"benchmark": "wiring", "plugins": options.plugins, **rounded}))


if __name__ == "__main__":
    main()

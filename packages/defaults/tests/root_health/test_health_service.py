"""What the health service tells."""

from typing import Any

from understage.defaults.root_health import root_health_service_factory
from understage.defaults.root_lifecycle import DefaultRootLifecycle
from understage.plugin_api import HealthResponse

OK = HealthResponse(200, {"status": "ok"})


async def test_readiness_and_liveness(logger: Any) -> None:
    """H50, H51: alive always; ready between the end of the start and the before-shutdown phase."""
    lifecycle = DefaultRootLifecycle(logger)
    health: Any = root_health_service_factory.factory(lifecycle=lifecycle, gate=lambda: None)
    seen = []
    for step in (lifecycle.startup, lifecycle.before_shutdown, lifecycle.shutdown):
        assert await health.get_liveness() == OK
        seen.append(await health.get_readiness())
        await step()
    assert seen == [
        HealthResponse(503, {"message": "Backend has not started yet", "status": "error"}),
        OK,
        HealthResponse(503, {"message": "Backend is shutting down", "status": "error"}),
    ]
    assert await health.get_readiness() == seen[2]


async def test_failed_start_never_becomes_ready(logger: Any) -> None:
    """W53: when the root startup hooks never run, readiness stays 503."""
    health: Any = root_health_service_factory.factory(lifecycle=DefaultRootLifecycle(logger), gate=lambda: None)
    assert (await health.get_readiness()).status == 503


async def test_a_gate(logger: Any) -> None:
    """H51: whoever runs the backend may keep requests away for a while; a start or a stop is told before that."""
    missing: list[str] = ["The process 'a' is not running"]
    lifecycle = DefaultRootLifecycle(logger)
    health: Any = root_health_service_factory.factory(lifecycle=lifecycle, gate=lambda: missing[0] if missing else None)
    assert (await health.get_readiness()).payload["message"] == "Backend has not started yet"
    await lifecycle.startup()
    assert await health.get_readiness() == HealthResponse(503, {"message": missing[0], "status": "error"})
    assert await health.get_liveness() == OK
    missing.clear()
    assert await health.get_readiness() == OK
    await lifecycle.before_shutdown()
    assert (await health.get_readiness()).payload["message"] == "Backend is shutting down"

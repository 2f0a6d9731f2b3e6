"""The root health service: is the process alive, and should it get requests."""

from understage.defaults.root_health.readiness_gate import ReadinessGate, ReadinessGateService, readiness_gate
from understage.defaults.root_health.root_health import DefaultRootHealth
from understage.plugin_api import RootHealthService, RootLifecycle, core_services, create_service_factory

__all__ = [
    "DefaultRootHealth",
    "ReadinessGate",
    "ReadinessGateService",
    "readiness_gate",
    "root_health_service_factory",
]


@create_service_factory(service=core_services.root_health)
def root_health_service_factory(lifecycle: RootLifecycle, gate: ReadinessGate) -> RootHealthService:
    """Provides the answers of health probes."""
    return DefaultRootHealth(lifecycle, gate)

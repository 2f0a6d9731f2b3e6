"""The service by which whoever runs the backend keeps requests away although the backend itself is ready."""

from typing import Annotated, Protocol

from understage.plugin_api import create_service_factory, create_service_ref


class ReadinessGateService(Protocol):
    """Says what else the backend needs before requests should be sent to it."""

    def __call__(self) -> str | None:
        """Returns why requests should not be sent here now, or None if they should. Asked by each probe."""
        ...


readiness_gate = create_service_ref(
    ReadinessGateService,
    id="core.rootHealth.readinessGate",
    scope="root",
    default_factory="understage.defaults.root_health.readiness_gate:open_gate",
)
ReadinessGate = Annotated[ReadinessGateService, readiness_gate]


@create_service_factory(service=readiness_gate)
def open_gate() -> ReadinessGateService:
    """Provides a gate that is always open."""
    return _open


def _open() -> str | None:
    return None

"""Health as the lifecycle of the backend tells it."""

from understage.defaults.root_health.readiness_gate import ReadinessGateService
from understage.plugin_api import HealthResponse, RootLifecycleService

_OK = HealthResponse(200, {"status": "ok"})
_STARTING = HealthResponse(503, {"message": "Backend has not started yet", "status": "error"})
_STOPPING = HealthResponse(503, {"message": "Backend is shutting down", "status": "error"})


class DefaultRootHealth:
    """Always alive; ready from the end of the start to the first step of shutdown, while the gate is open.

    Args:
        lifecycle: the backend's lifecycle.
        gate: says what else is missing; by default nothing is.
    """

    def __init__(self, lifecycle: RootLifecycleService, gate: ReadinessGateService | None = None) -> None:
        self._gate = gate
        self._readiness = _STARTING
        lifecycle.add_startup_hook(self._started)
        lifecycle.add_before_shutdown_hook(self._stopping)

    async def get_liveness(self) -> HealthResponse:
        """Tells that the process is alive: also while it starts and stops."""
        return _OK

    async def get_readiness(self) -> HealthResponse:
        """Tells whether requests should be sent here."""
        if self._readiness is not _OK or self._gate is None:
            return self._readiness
        missing = self._gate()
        if missing is not None:
            return HealthResponse(503, {"message": missing, "status": "error"})
        return self._readiness

    def _started(self) -> None:
        self._readiness = _OK

    def _stopping(self) -> None:
        self._readiness = _STOPPING

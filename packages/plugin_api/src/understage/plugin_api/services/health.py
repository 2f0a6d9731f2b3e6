"""The root health service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HealthResponse:
    """An answer to a health probe.

    Attributes:
        status: the HTTP status: 200 healthy, 503 not.
        payload: the JSON body, or None for an empty one.
    """

    status: int
    payload: Mapping[str, Any] | None = None


class RootHealthService(Protocol):
    """Answers `/.backstage/health/v1/liveness` and `/readiness`."""

    async def get_liveness(self) -> HealthResponse:
        """Tells whether the process is alive: also while it starts and stops."""
        ...

    async def get_readiness(self) -> HealthResponse:
        """Tells whether requests should be sent here: only between start and the first step of shutdown."""
        ...

"""What is measured: when ingestions begin and end."""

from __future__ import annotations

import time
from typing import Literal

from understage.plugin_api import MetricsService


class Gauges:
    """Measures ingestions of all providers.

    Args:
        metrics: makes the gauges.
    """

    def __init__(self, metrics: MetricsService) -> None:
        self._started = metrics.create_gauge(
            "catalog_incremental.ingestions.started",
            description="When the last ingestion of a provider began, in seconds since 1970",
            unit="s",
        )
        self._completed = metrics.create_gauge(
            "catalog_incremental.ingestions.completed",
            description="When the last ingestion of a provider was completed or failed, in seconds since 1970",
            unit="s",
        )

    def started(self, provider: str) -> None:
        """Notes that an ingestion begins."""
        self._started.set(time.time(), {"providerName": provider})

    def completed(self, provider: str, status: Literal["completed", "failed"]) -> None:
        """Notes that an ingestion has seen all, or that a burst of it has failed."""
        self._completed.set(time.time(), {"providerName": provider, "status": status})

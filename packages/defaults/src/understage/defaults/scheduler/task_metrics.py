"""Counts and times the runs of a plugin's tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from understage.defaults.scheduler.run import Outcome
from understage.plugin_api import MetricsService, TaskScope


class TaskMetrics:
    """Measures runs, under the names that dashboards for Backstage know.

    Args:
        metrics: makes the plugin's instruments.
    """

    def __init__(self, metrics: MetricsService) -> None:
        name = "backend_tasks.task.runs"
        self._count = metrics.create_counter(f"{name}.count", description="Runs of tasks, begun and ended")
        self._duration = metrics.create_histogram(
            f"{name}.duration", description="How long runs of tasks took", unit="seconds"
        )
        self._started = metrics.create_gauge(
            f"{name}.started", description="When the task last began, since 1970", unit="seconds"
        )
        self._completed = metrics.create_gauge(
            f"{name}.completed", description="When the task last ended, since 1970", unit="seconds"
        )

    @contextmanager
    def run(self, task_id: str, scope: TaskScope) -> Iterator[list[Outcome]]:
        """Measures a run; the block adds its outcome to the list that it gets.

        Args:
            task_id: the task.
            scope: whether replicas share it.
        """
        labels = {"taskId": task_id, "scope": scope}
        self._count.add(1, {**labels, "result": "started"})
        self._started.set(time.time(), labels)
        begun = time.perf_counter()
        outcomes: list[Outcome] = []
        try:
            yield outcomes
        finally:
            done = any(outcome.kind == "ended" and outcome.error is None for outcome in outcomes)
            labels = {**labels, "result": "completed" if done else "failed"}
            self._count.add(1, labels)
            self._duration.record(time.perf_counter() - begun, labels)
            self._completed.set(time.time(), labels)

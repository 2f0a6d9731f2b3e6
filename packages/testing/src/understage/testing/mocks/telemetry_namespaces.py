"""The members of `mock_services` about what is observed."""

from __future__ import annotations

from understage.plugin_api import MetricsService, ServiceFactory, TracingService
from understage.testing.mocks.metrics import MockMetrics
from understage.testing.mocks.namespaces import MockNamespace
from understage.testing.mocks.service_mock import service_factory_of
from understage.testing.mocks.tracing import MockTracing


class MetricsNamespace(MockNamespace[MetricsService]):
    """The metrics service: keeps what is measured."""

    def __call__(self) -> MockMetrics:
        """Returns metrics; the test looks at `measurements` and `total`."""
        return MockMetrics()

    def factory(self, metrics: MockMetrics | None = None) -> ServiceFactory[MetricsService]:
        """Returns a factory of the metrics.

        Args:
            metrics: the metrics of all plugins; by default new ones.
        """
        return service_factory_of(self.ref, metrics or MockMetrics())


class TracingNamespace(MockNamespace[TracingService]):
    """The tracing service: keeps the spans."""

    def __call__(self) -> MockTracing:
        """Returns tracing; the test looks at its `spans`."""
        return MockTracing()

    def factory(self, tracing: MockTracing | None = None) -> ServiceFactory[TracingService]:
        """Returns a factory of the tracing.

        Args:
            tracing: the tracing of all plugins; by default a new one.
        """
        return service_factory_of(self.ref, tracing or MockTracing())

"""The metrics service: counters, histograms and gauges of plugins."""

from understage.defaults.metrics.factory import metrics_service_factory

__all__ = ["metrics_service_factory"]

"""Whether telemetry is asked for. OpenTelemetry is imported only then."""

import sys
from importlib.util import find_spec
from typing import Literal

from understage.config import Config
from understage.errors import UnsupportedOperationError

Signal = Literal["tracing", "metrics"]


def is_enabled(config: Config, signal: Signal) -> bool:
    """Tells whether traces are to be recorded, or metrics.

    They are if the configuration says so, or, if it says nothing, if something has set up OpenTelemetry's SDK in this
    process before, as `opentelemetry-instrument` does.

    Args:
        config: the root configuration.
        signal: which of them.

    Raises:
        UnsupportedOperationError: the configuration asks for it, but OpenTelemetry is not installed.
    """
    key = f"backend.{signal}.enabled"
    enabled = config.get_optional_boolean(key)
    if enabled is None:
        return _is_sdk_set_up(signal)
    if enabled and not _is_installed():
        raise UnsupportedOperationError(
            f"{key} is true, but OpenTelemetry is not installed: pip install 'understage[otel]'"
        )
    return enabled


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.trace") is not None
    except ModuleNotFoundError:
        return False


def _is_sdk_set_up(signal: Signal) -> bool:
    # Whoever has set up the SDK has imported it; without that there is no need to import anything.
    if "opentelemetry.sdk" not in sys.modules:
        return False
    if signal == "tracing":
        from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

        return not isinstance(get_tracer_provider(), ProxyTracerProvider)
    from opentelemetry.metrics import get_meter_provider
    from opentelemetry.sdk.metrics import MeterProvider

    return isinstance(get_meter_provider(), MeterProvider)

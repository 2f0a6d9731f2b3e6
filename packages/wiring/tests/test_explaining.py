"""What people read about errors that abort a start."""

import pytest

from understage.config import ConfigError, ConfigFileNotFoundError
from understage.wiring.errors import FeatureLoaderError, ServiceCreationError
from understage.wiring.report.explaining import explain


def wrapped(cause: Exception) -> FeatureLoaderError:
    """Returns an error as it arrives when a loader asked for a service that could not be created."""
    inner = ServiceCreationError(
        "service 'core.rootConfig' could not be created",
        service_id="core.rootConfig",
        plugin_id=None,
        cause=cause,
        hint=None,
    )
    return FeatureLoaderError("failed", location=None, cause=inner)


@pytest.mark.parametrize("kind", [ConfigError, ConfigFileNotFoundError])
def test_a_mistake_in_the_configuration_speaks_for_itself(kind: type[ConfigError]) -> None:
    """W56: however deep it lies, a mistake in the configuration is told by its own text."""
    assert explain(wrapped(kind("app-config.yaml:3:5: backend.listen: expected a port"))) == (
        "app-config.yaml:3:5: backend.listen: expected a port"
    )
    assert explain(kind("no port")) == "no port"


def test_other_errors_keep_the_way_they_came() -> None:
    """W56: an error that is not about the configuration is told with everything that it came through."""
    text = explain(wrapped(ValueError("out of cheese")))
    assert text.startswith("FeatureLoaderError: the feature loader declared at")
    assert text.endswith("service 'core.rootConfig' could not be created; caused by ValueError: out of cheese")
    assert explain(ValueError("out of cheese")) == "ValueError: out of cheese"

"""Under which name a plugin's spans and metrics are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from understage.config import Config


@dataclass(frozen=True, slots=True)
class InstrumentationScope:
    """What records spans or metrics.

    Attributes:
        name: its name.
        version: its version.
        schema_url: the schema of its attributes.
    """

    name: str
    version: str | None = None
    schema_url: str | None = None


def read_scope(config: Config, kind: Literal["tracer", "meter"], plugin_id: str) -> InstrumentationScope:
    """Returns the tracer or meter of a plugin: `backstage-plugin-<id>`, unless the configuration names another.

    Args:
        config: the root configuration.
        kind: which of them.
        plugin_id: the plugin.

    Raises:
        ConfigError: a value is no text.
    """
    signal = "tracing" if kind == "tracer" else "metrics"
    key = f"backend.{signal}.plugin.{plugin_id}.{kind}"
    return InstrumentationScope(
        name=config.get_optional_string(f"{key}.name") or f"backstage-plugin-{plugin_id}",
        version=config.get_optional_string(f"{key}.version"),
        schema_url=config.get_optional_string(f"{key}.schemaUrl"),
    )

"""The events plugin's configuration: the section `events`."""

from typing import Any, Literal

import msgspec

from understage.config import Config, config_schema

DEFAULT_NOTIFY_TIMEOUT_MS = 55_000


class HttpConfig(msgspec.Struct, frozen=True):
    """Webhooks.

    Attributes:
        topics: each opens `POST /api/events/http/<topic>` to everybody, unchecked.
    """

    topics: tuple[str, ...] = ()


class EventsConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The section `events`.

    Attributes:
        http: webhooks that need no module.
        notify_timeout_ms: how long readers of the bus wait for events before they ask again, in milliseconds; keep it
            below the timeouts of proxies on the way.
        use_event_bus: read by all backends, not by this plugin: whether their events go through the bus.
    """

    http: HttpConfig = HttpConfig()
    notify_timeout_ms: float = DEFAULT_NOTIFY_TIMEOUT_MS
    use_event_bus: Literal["auto", "always", "never"] = "auto"


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of the section `events`, as this plugin reads it."""
    return config_schema(EventsConfig, at="events")


def read_events_config(config: Config) -> EventsConfig:
    """Reads the section `events`.

    Args:
        config: the root configuration.

    Raises:
        ConfigError: a value is of the wrong type.
    """
    return config.read(EventsConfig, "events")

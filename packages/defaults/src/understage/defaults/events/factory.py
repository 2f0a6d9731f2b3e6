"""Creates the events service of each plugin."""

from understage.config import Config, ConfigError
from understage.defaults.events.bus import MODES, Bus, BusMode
from understage.defaults.events.bus_client import BusClient
from understage.defaults.events.local_bus import LocalBus
from understage.defaults.events.service import DefaultEvents
from understage.defaults.root_http_client import DefaultRootHttpClient
from understage.plugin_api import (
    Auth,
    Discovery,
    EventsService,
    Lifecycle,
    Logger,
    PluginMetadata,
    RootConfig,
    RootHttpClient,
    RootLifecycle,
    core_services,
    create_service_factory,
)

_KEY = "events.useEventBus"
_DEFAULT_NOTIFY_TIMEOUT_MS = 55_000
_ANSWER_SECONDS = 30.0


class EventsRoot:
    """What the events services of all plugins share.

    Args:
        config: the whole configuration.
        lifecycle: tells when the backend has started, and when it stops.
        http_client: makes the requests.
    """

    def __init__(self, config: Config, lifecycle: RootLifecycle, http_client: RootHttpClient) -> None:
        self.local = LocalBus()
        self.bus = Bus(read_mode(config), lifecycle)
        self.http_client = http_client
        notify = config.get_optional_number("events.notifyTimeoutMs") or _DEFAULT_NOTIFY_TIMEOUT_MS
        self.read_seconds = notify / 1000 + _ANSWER_SECONDS
        # Each subscription holds a connection nearly all the time; those must not use up the pool of all others.
        self.reading_client = http_client
        if isinstance(http_client, DefaultRootHttpClient):
            reading_client = DefaultRootHttpClient(connections_per_host=0)
            lifecycle.add_shutdown_hook(reading_client.close)
            self.reading_client = reading_client


def read_mode(config: Config) -> BusMode:
    """Returns when events go through the bus: `events.useEventBus`.

    Raises:
        ConfigError: it is none of `auto`, `always` and `never`.
    """
    mode = config.get_optional_string(_KEY) or "auto"
    for known in MODES:
        if mode == known:
            return known
    raise ConfigError(
        f"expected one of {', '.join(MODES)}, got '{mode}'", key=_KEY, location=config.location_of(_KEY.split("."))
    )


def _create_root(config: RootConfig, lifecycle: RootLifecycle, http_client: RootHttpClient) -> EventsRoot:
    return EventsRoot(config, lifecycle, http_client)


@create_service_factory(service=core_services.events, create_root_context=_create_root)
def events_service_factory(
    auth: Auth,
    discovery: Discovery,
    lifecycle: Lifecycle,
    logger: Logger,
    plugin: PluginMetadata,
    root_context: EventsRoot,
) -> EventsService:
    """Provides each plugin's events service; all of a process share what is delivered within it."""
    client = BusClient(
        auth,
        discovery,
        root_context.http_client,
        reading_client=root_context.reading_client,
        read_seconds=root_context.read_seconds,
    )
    service = DefaultEvents(plugin.id, local=root_context.local, bus=root_context.bus, client=client, logger=logger)
    lifecycle.add_shutdown_hook(service.stop)
    return service

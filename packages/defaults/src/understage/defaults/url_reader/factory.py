"""Creates the URL reader of each plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understage.defaults.root_lifecycle.root_lifecycle import close_after_shutdown
from understage.defaults.telemetry.switch import is_enabled
from understage.defaults.url_reader.providers import UrlReaderProviders
from understage.plugin_api import (
    RootConfig,
    RootHttpClient,
    RootLifecycle,
    RootLogger,
    UrlReaderService,
    core_services,
    create_service_factory,
)

if TYPE_CHECKING:
    from understage.defaults.url_reader.built_in_readers import BuiltInReaders


def create_root_context(
    config: RootConfig, logger: RootLogger, lifecycle: RootLifecycle, http_client: RootHttpClient
) -> BuiltInReaders:
    """Creates what all plugins share: the readers of the configuration, connections and back-off.

    Args:
        config: the root configuration.
        logger: the root logger.
        lifecycle: closes the connections in the end.
        http_client: asks for access tokens.
    """
    from understage.defaults.url_reader.built_in_readers import BuiltInReaders
    from understage.defaults.url_reader.transport import Transport

    transport = Transport()
    if is_enabled(config, "tracing"):
        from understage.defaults.tracing.url_reader import TracedTransport

        transport = TracedTransport()
    close_after_shutdown(lifecycle, transport.close)
    return BuiltInReaders(config, logger, http_client, transport)


@create_service_factory(service=core_services.url_reader, create_root_context=create_root_context)
def url_reader_service_factory(root_context: BuiltInReaders, providers: UrlReaderProviders) -> UrlReaderService:
    """Creates the URL reader of a plugin."""
    from understage.defaults.url_reader.dispatcher import DispatchingUrlReader

    def find(url: str) -> UrlReaderService:
        return next((item.reader for item in providers if item.accepts(url)), None) or root_context.find(url)

    return DispatchingUrlReader(find)

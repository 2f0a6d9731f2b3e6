"""Finds plugins by configuration, with this backend as the place of all that it does not name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from understage.config import Config
from understage.defaults.discovery.config import DiscoveryEndpoint, Routes, read_routes
from understage.defaults.discovery.dns_lookup import DnsLookup
from understage.defaults.discovery.internal_address import internal_base_url
from understage.defaults.discovery.srv import SrvResolver
from understage.errors import UnderstageError
from understage.plugin_api import LoggerService


class DefaultDiscovery:
    """Finds plugins; changes of the configuration apply at once.

    Args:
        config: the whole configuration.
        logger: told when a changed configuration cannot be used; what was known before stays in use then.
        defaults: endpoints given in code, which the configuration overrules.
        actual_port: tells the port that the server listens on, or None when nobody knows.
        srv: finds the places that targets with SRV names stand for; by default it asks the DNS.

    Raises:
        ConfigError: the configuration cannot be used.
    """

    def __init__(
        self,
        config: Config,
        logger: LoggerService,
        *,
        defaults: Sequence[DiscoveryEndpoint] = (),
        actual_port: Callable[[], int | None] = lambda: None,
        srv: SrvResolver | None = None,
    ) -> None:
        self._config = config
        self._logger = logger
        self._defaults = defaults
        self._actual_port = actual_port
        self._srv = srv or SrvResolver(DnsLookup())
        self._used_port: int | None = None
        self._routes = self._read()
        config.subscribe(self._update)

    async def get_base_url(self, plugin_id: str) -> str:
        """Returns the address for backends; no trailing slash.

        Raises:
            NotFoundError: it is an SRV name without records.
            ServiceUnavailableError: it is an SRV name, and the DNS does not tell its records.
        """
        return await self._srv.resolve(self._current().internal.resolve(plugin_id))

    async def get_external_base_url(self, plugin_id: str) -> str:
        """Returns the address for browsers and outside callers; no trailing slash."""
        return self._current().external.resolve(plugin_id)

    def _current(self) -> Routes:
        # The server may be asked to listen on any free port, which is known only once it does.
        if self._actual_port() != self._used_port:
            self._update()
        return self._routes

    def _read(self) -> Routes:
        self._used_port = self._actual_port()
        return read_routes(self._config, self._defaults, internal_base_url(self._config, self._used_port))

    def _update(self) -> None:
        try:
            self._routes = self._read()
        except UnderstageError as error:
            message = "Discovery keeps its previous configuration; the new one cannot be used"
            self._logger.error(message, error=error)

"""Limits of the HTTP server: `backend.server`."""

from dataclasses import dataclass

from understage.config import Config, ConfigError
from understage.plugin_api import LoggerService

_KEY = "backend.server"


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Limits of connections and requests.

    Attributes:
        headers_timeout: seconds within which the headers of a request must have come.
        request_timeout: seconds within which a whole request must have come; 0 for no limit.
        keep_alive_timeout: seconds for which an idle connection stays open.
        max_headers: headers of a request; further ones are dropped. 0 for no limit.
        max_requests_per_socket: requests on one connection; 0 for no limit.
        max_header_bytes: bytes of address and headers together; more are answered with 431.
    """

    headers_timeout: float = 60.0
    request_timeout: float = 300.0
    keep_alive_timeout: float = 5.0
    max_headers: int = 2000
    max_requests_per_socket: int = 0
    max_header_bytes: int = 128 * 1024


def read_server_options(config: Config, logger: LoggerService) -> ServerOptions:
    """Returns what `backend.server` says; numbers are milliseconds where a duration is meant.

    Args:
        config: the root configuration.
        logger: where settings are named that have no effect here.

    Raises:
        ConfigError: a value is wrong.
    """
    section = config.get_optional_config(_KEY)
    defaults = ServerOptions()
    if section is None:
        return defaults
    if section.has("timeout"):
        where = section.location_of("timeout")
        message = (
            f"{where}: {_KEY}.timeout has no effect: this server does not close connections for a quiet socket; "
            "use headersTimeout, requestTimeout and keepAliveTimeout"
        )
        logger.warning(message)
    return ServerOptions(
        headers_timeout=_seconds(section, "headersTimeout", defaults.headers_timeout),
        request_timeout=_seconds(section, "requestTimeout", defaults.request_timeout),
        keep_alive_timeout=_seconds(section, "keepAliveTimeout", defaults.keep_alive_timeout),
        max_headers=_count(section, "maxHeadersCount", defaults.max_headers),
        max_requests_per_socket=_count(section, "maxRequestsPerSocket", defaults.max_requests_per_socket),
    )


def _seconds(section: Config, key: str, default: float) -> float:
    value = section.get_optional(key)
    if value is None:
        return default
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _positive(section, key, value) / 1000
    return section.get_duration(key).total_seconds()


def _count(section: Config, key: str, default: int) -> int:
    value = section.get_optional_number(key)
    return default if value is None else int(_positive(section, key, value))


def _positive(section: Config, key: str, value: float) -> float:
    if value < 0:
        raise ConfigError(
            f"expected a number that is not negative, got {value}",
            key=f"{_KEY}.{key}",
            location=section.location_of(key),
        )
    return value

"""The address at which this process reaches its own plugins."""

from __future__ import annotations

from typing import Final

from understage.config import Config, ConfigError

DEFAULT_PORT: Final = 7007
_ANY_HOST: Final = {"": "localhost", "::": "localhost", "0.0.0.0": "127.0.0.1"}  # noqa: S104 - compared, not bound


def internal_base_url(config: Config, actual_port: int | None = None) -> str:
    """Returns the root address of this backend as seen from the same machine.

    Args:
        config: the whole configuration; `backend.listen` and `backend.https` count.
        actual_port: the port that the server got, when the configured one is 0 and left the choice to the system.

    Raises:
        ConfigError: `backend.listen` cannot be read.
    """
    host, port = _listen_address(config)
    host = _ANY_HOST.get(host, host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    scheme = "https" if config.get_optional("backend.https") else "http"
    return f"{scheme}://{host}:{actual_port or port}"


def _listen_address(config: Config) -> tuple[str, int]:
    value = config.get_optional("backend.listen")
    if isinstance(value, str | int):
        host, _, port = str(value).rpartition(":")
        if not port.isdecimal():
            raise ConfigError(
                f"expected a port or 'host:port', got '{value}'",
                key="backend.listen",
                location=config.location_of("backend.listen"),
            )
        return host, int(port)
    if value is None:
        return "", DEFAULT_PORT
    port_number = config.get_optional_number("backend.listen.port")
    # An empty host is how a Node backend writes "all interfaces", so it is no mistake here.
    host = value.get("host") or ""
    return str(host), DEFAULT_PORT if port_number is None else int(port_number)

"""The address at which this process reaches its own plugins."""

from __future__ import annotations

from typing import Final

from understage.config import Config
from understage.defaults.root_http_router.listening import read_listen_options

_ANY_HOST: Final = {"": "localhost", "::": "localhost", "0.0.0.0": "127.0.0.1"}  # noqa: S104 - compared, not bound


def internal_base_url(config: Config, actual_port: int | None = None) -> str:
    """Returns the root address of this backend as seen from the same machine.

    Args:
        config: the whole configuration; `backend.listen` and `backend.https` count.
        actual_port: the port that the server got, when the configured one is 0 and left the choice to the system.

    Raises:
        ConfigError: `backend.listen` cannot be read.
    """
    options = read_listen_options(config)
    host = options.host or ""
    host = _ANY_HOST.get(host, host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    scheme = "https" if config.get_optional("backend.https") else "http"
    return f"{scheme}://{host}:{actual_port or options.port}"

"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."""

from __future__ import annotations

from understage.defaults.url_reader.addresses import HttpUrl
from understage.plugin_api import EnvironmentProxies


def proxy_for(url: HttpUrl) -> str | None:
    """Returns the proxy's address for a request, or None if it goes straight to its host."""
    return EnvironmentProxies().proxy_for(str(url))

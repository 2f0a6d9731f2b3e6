"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."""

from __future__ import annotations

from understage.defaults.url_reader.addresses import HttpUrl


def proxy_for(url: HttpUrl) -> str | None:
    """Returns the proxy's address for a request, or None if it goes straight to its host."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"

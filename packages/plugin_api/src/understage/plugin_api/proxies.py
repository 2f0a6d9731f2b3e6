"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, and NO_PROXY for what needs none."""

from urllib.parse import urlsplit

_MAX_REMEMBERED = 1000


class EnvironmentProxies:
    """Tells through which proxy a request goes: for HTTP clients that are asked often.

    The environment is read once, when the first address is asked for, and the answers are remembered.
    """

    def __init__(self) -> None:
        self._proxies: dict[str, str] | None = None
        self._by_origin: dict[tuple[str, str], str | None] = {}

    def proxy_for(self, url: str) -> str | None:
        """Returns the proxy's address, or None if the request goes straight to its host.

        Args:
            url: the absolute address of the request.
        """
        if self._proxies is None:
            self._proxies = _read()
        if not self._proxies:
            return None
        try:
            parts = urlsplit(url)
        except ValueError:
            return None  # whoever makes the request says what is wrong with its address
        scheme, host = parts.scheme, parts.netloc.rpartition("@")[2]
        origin = (scheme, host)
        if origin not in self._by_origin:
            if len(self._by_origin) >= _MAX_REMEMBERED:
                self._by_origin.clear()
            self._by_origin[origin] = _choose(self._proxies, scheme, host)
        return self._by_origin[origin]


def _read() -> dict[str, str]:
    from urllib.request import getproxies

    return {scheme: proxy for scheme, proxy in getproxies().items() if scheme != "no" and proxy}


def _choose(proxies: dict[str, str], scheme: str, host: str) -> str | None:
    from urllib.request import proxy_bypass

    plain = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    proxy = proxies.get(scheme) or proxies.get(plain) or proxies.get("all")
    if not proxy or not host or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"

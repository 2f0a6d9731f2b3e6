"""What proxies say about the client, where they are trusted: `backend.trustProxy`."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from understage.config import Config, ConfigError
from understage.defaults.root_http_router.headers import find_header, set_header
from understage.plugin_api import ASGIApp, Receive, Scope, Send

Trusts = Callable[[str, int], bool]
"""Tells whether an address is a trusted proxy, the given number of hops away (0: it connected to us)."""

_NAMED = {
    "loopback": ("127.0.0.1/8", "::1/128"),
    "linklocal": ("169.254.0.0/16", "fe80::/10"),
    "uniquelocal": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
}


def trust_proxy(app: ASGIApp, trusts: Trusts) -> ASGIApp:
    """Takes client address, scheme and host from forwarded headers that trusted proxies have set.

    Args:
        app: the app that answers.
        trusts: who is a trusted proxy.
    """

    async def with_trusted_proxies(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] in ("http", "websocket") and client and trusts(client[0], 0):
            _believe(scope, client[0], trusts)
        await app(scope, receive, send)

    return with_trusted_proxies


def _believe(scope: Scope, peer: str, trusts: Trusts) -> None:
    headers = scope["headers"]
    forwarded = ",".join(value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for")
    chain = [peer, *(part.strip() for part in reversed(forwarded.split(",")) if part.strip())]
    hops = 0
    while hops + 1 < len(chain) and trusts(chain[hops], hops):
        hops += 1
    if hops:
        scope["client"] = (chain[hops], 0)
    scheme = _first(find_header(headers, b"x-forwarded-proto"))
    if scheme in (b"http", b"https"):
        secure = scheme == b"https"
        scope["scheme"] = ("wss" if secure else "ws") if scope["type"] == "websocket" else scheme.decode()
    host = _first(find_header(headers, b"x-forwarded-host"))
    if host:
        scope["headers"] = set_header(headers, b"host", host)


def _first(value: bytes | None) -> bytes:
    return value.partition(b",")[0].strip().lower() if value else b""


def read_trust_proxy(config: Config) -> Trusts | None:
    """Returns who is trusted after `backend.trustProxy`: a boolean, a number of hops, or addresses and subnets.

    Returns:
        None if nobody is.

    Raises:
        ConfigError: the value is none of these.
    """
    key = "backend.trustProxy"
    value = config.get_optional(key)
    if value is None or value is False:
        return None
    if value is True:
        return lambda address, hops: True
    if isinstance(value, int):
        return lambda address, hops: hops < value
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(
            "expected true, a number of hops, or addresses as text or list", key=key, location=config.location_of(key)
        )
    try:
        networks = _networks([str(text).strip() for text in texts])
    except ValueError as error:
        known = ", ".join(_NAMED)
        message = f"{error}; expected an IP address, a subnet or one of {known}"
        raise ConfigError(message, key=key, location=config.location_of(key)) from error
    return lambda address, hops: is_in_networks(address, networks)


def _networks(texts: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(address, strict=False) for text in texts if text for address in _NAMED.get(text, (text,))]


def is_in_networks(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Tells whether an address, given as text, lies in one of the networks."""
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in networks)


def parse_address(address: str) -> IPv4Address | IPv6Address | None:
    """Returns an address, IPv4 also when it is written as IPv6, or None if it is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed

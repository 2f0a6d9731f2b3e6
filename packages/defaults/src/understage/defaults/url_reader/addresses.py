"""Addresses in one spelling, and how far away the network addresses behind them are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias
from urllib.parse import quote, unquote, urljoin, urlsplit

from understage.errors import InputError

IpAddress: TypeAlias = IPv4Address | IPv6Address

_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\]")
_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
# Programs read such a last label as a number, hence the whole as an IPv4 address in some form.
_NUMERIC_LABEL: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PATH_SAFE: Final = "/%!$&'()*+,;=:@~"
_QUERY_SAFE: Final = _PATH_SAFE + "?"
_PRIVATE_V4: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
_PRIVATE_V6: Final = IPv6Network("fc00::/7")
_NAT64: Final = IPv6Network("64:ff9b::/96")


class Reach(Enum):
    """How far away a network address is."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    SPECIAL = "special"
    """Link-local, which is where clouds keep their metadata, unspecified, multicast and reserved addresses."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An http or https address in its one spelling.

    Attributes:
        scheme: `http` or `https`.
        host: lower-case, without a dot at its end; an IPv6 address without brackets.
        port: None if it is the scheme's own.
        path: with a leading slash, percent-encoded, without dot segments.
        query: without the question mark, percent-encoded.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    def __str__(self) -> str:
        return f"{self.origin}{self.path}{'?' if self.query else ''}{self.query}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """Host and port; the host of an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The address for messages, without the query, which may hold secrets."""
        return f"{self.origin}{self.path}"

    @property
    def ip(self) -> IpAddress | None:
        """The network address, if the host is one."""
        return as_ip(self.host)

    def join(self, reference: str) -> HttpUrl:
        """Returns the address that a redirect leads to.

        Raises:
            InputError: it is not an http or https address.
        """
        if _FORBIDDEN.search(reference):
            raise InputError(f"{self.shown} redirects to an address with blanks, backslashes or control characters")
        return parse_http_url(urljoin(str(self), reference))


def parse_http_url(url: str) -> HttpUrl:
    """Reads an address strictly: what two programs might read differently is refused.

    Args:
        url: an absolute address.

    Raises:
        InputError: it is no http or https address, or written in a way that hides where it leads: with a user, with
            backslashes, blanks or control characters, with a host outside of ASCII, or with a network address that is
            not in its usual form.
    """
    if _FORBIDDEN.search(url):
        raise InputError("The address holds a blank, a backslash or a control character; percent-encode it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(f"The address cannot be parsed: {error}") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.netloc:
        raise InputError(f"Expected an absolute http or https address, got '{_shown(url)}'")
    if "@" in parts.netloc:
        raise InputError(f"The address of {parts.hostname} holds a user or password; give a token instead")
    if "[" in parts.netloc and ":" not in (parts.hostname or ""):
        raise InputError(f"What stands in brackets in '{_shown(url)}' is no IPv6 address")
    if port == 0:
        raise InputError(f"Port 0 of '{_shown(url)}' is no port")
    path = normalize_path(quote(parts.path, safe=_PATH_SAFE))
    return HttpUrl(
        scheme=scheme,
        host=normalize_host(parts.hostname or ""),
        port=None if port == _DEFAULT_PORTS[scheme] else port,
        path=path,
        query=quote(parts.query, safe=_QUERY_SAFE),
    )


def normalize_host(host: str) -> str:
    """Returns a host in its one spelling.

    Args:
        host: a name or network address, without port and brackets.

    Raises:
        InputError: it is neither, or a network address in an unusual form such as `2130706433` or `0x7f.1`.
    """
    lowered = host.lower()
    if ":" in lowered:
        try:
            return str(IPv6Address(lowered if "%" not in lowered else ""))
        except ValueError:
            raise InputError(f"'{host}' is no IPv6 address; zones are not accepted") from None
    name = lowered.removesuffix(".")
    if not _HOST.fullmatch(name) or ".." in name:
        raise InputError(f"'{host}' is no host name; names outside of ASCII are written in punycode")
    if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise InputError(f"'{host}' is an IPv4 address in an unusual form; write it as four numbers") from None
    return name


def normalize_path(path: str) -> str:
    """Returns a path without dot segments, as browsers make it: `%2e` is a dot, and nothing leads above the root."""
    segments: list[str] = []
    parts = path.split("/")[1:]
    for index, segment in enumerate(parts):
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del segments[-1:]
        elif dots != ".":
            segments.append(segment)
            continue
        if index == len(parts) - 1:
            segments.append("")
    return "/" + "/".join(segments)


def decoded_path(path: str) -> str:
    """Returns a path as a server may understand it: decoded as often as that changes it, and then normalised."""
    for _ in range(5):
        decoded = unquote(path).replace("\\", "/")
        if decoded == path:
            break
        path = decoded
    return normalize_path(path)


def as_ip(host: str) -> IpAddress | None:
    """Returns the network address that a host is, or None if it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def reach_of(address: IpAddress) -> Reach:
    """Tells how far away a network address is. IPv4 addresses within IPv6 ones count as what they are.

    Args:
        address: the address.
    """
    if isinstance(address, IPv6Address):
        inner = _inner_v4(address)
        if inner is not None:
            return reach_of(inner)
        private = address in _PRIVATE_V6
    else:
        private = any(address in network for network in _PRIVATE_V4)
    if address.is_loopback:
        return Reach.LOOPBACK
    if private:
        return Reach.PRIVATE
    return Reach.PUBLIC if address.is_global and not address.is_multicast else Reach.SPECIAL


def _inner_v4(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _shown(url: str) -> str:
    return url.partition("?")[0].partition("#")[0].rpartition("@")[2][:200]

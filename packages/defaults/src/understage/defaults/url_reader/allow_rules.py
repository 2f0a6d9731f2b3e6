"""Which addresses outside of the integrations may be read: `backend.reading.allow`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from understage.config import Config, ConfigError
from understage.defaults.url_reader.addresses import HttpUrl, Reach, as_ip, decoded_path, normalize_host
from understage.errors import InputError, NotAllowedError

KEY: Final = "backend.reading.allow"
_RULE: Final = re.compile(
    r"(?P<host>\*\.[^:*\[\]/@]+|[^:*\[\]/@]+|\[[0-9A-Fa-f:.]+\])(?::(?P<low>\d+)(?:-(?P<high>\d+))?)?"
)
_MAX_PORT: Final = 65535
PUBLIC_ONLY: Final = frozenset({Reach.PUBLIC})
NAMED: Final = frozenset({Reach.PUBLIC, Reach.PRIVATE})
ANYWHERE: Final = frozenset(Reach)


class AllowEntry(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of the configuration.

    Attributes:
        host: a host, or `*.` and the end of hosts; then maybe a port or a range of ports: `example.com:8000-8010`.
        paths: paths that are allowed with everything below them; all paths if absent.
    """

    host: str
    paths: list[str] | None = None


class ReadingConfig(msgspec.Struct, frozen=True, rename="camel"):
    """What the URL reader may read besides the hosts of `integrations`.

    Attributes:
        allow: the addresses.
    """

    allow: list[AllowEntry] = []


@dataclass(frozen=True, slots=True)
class AllowRule:
    """An entry, read.

    Attributes:
        host: the host, or what hosts end in.
        wildcard: whether it is an end.
        ports: the lowest and the highest port; None for those that the schemes imply.
        paths: paths that are allowed with everything below them; None for all.
    """

    host: str
    wildcard: bool
    ports: tuple[int, int] | None
    paths: tuple[str, ...] | None

    def matches(self, url: HttpUrl) -> bool:
        """Tells whether it is about an address."""
        return self._matches_host(url.host) and self._matches_port(url) and self._matches_path(url.path)

    @property
    def reach(self) -> frozenset[Reach]:
        """What the host may resolve to. A rule for many hosts opens nothing internal: their names belong to others."""
        return PUBLIC_ONLY if self.wildcard else reach_of_named_host(self.host)

    def _matches_host(self, host: str) -> bool:
        return host.endswith(self.host) and len(host) > len(self.host) if self.wildcard else host == self.host

    def _matches_port(self, url: HttpUrl) -> bool:
        if self.ports is None:
            return url.port is None
        port = url.port or (443 if url.scheme == "https" else 80)
        return self.ports[0] <= port <= self.ports[1]

    def _matches_path(self, path: str) -> bool:
        # Both readings of the path have to fit, since nobody knows how the server decodes it.
        return self.paths is None or any(
            _is_below(path, folder) and _is_below(decoded_path(path), folder) for folder in self.paths
        )


class AllowRules:
    """All rules.

    Args:
        rules: the rules; the first that fits counts.
    """

    def __init__(self, rules: Sequence[AllowRule]) -> None:
        self._rules = tuple(rules)

    @classmethod
    def from_config(cls, config: Config) -> AllowRules:
        """Reads the rules.

        Args:
            config: the whole configuration.

        Raises:
            ConfigError: a rule cannot be read; the error names file, line and key.
        """
        entries = config.read(ReadingConfig, "backend.reading").allow
        return cls([_read(entry, config, index) for index, entry in enumerate(entries)])

    def check(self, url: HttpUrl) -> frozenset[Reach]:
        """Returns what the address's host may resolve to.

        Raises:
            NotAllowedError: no rule allows the address.
        """
        for rule in self._rules:
            if rule.matches(url):
                return rule.reach
        raise NotAllowedError(
            f"Reading from '{url.shown}' is not allowed. You may need to configure an integration for the target host,"
            f" or add it to the configured list of allowed hosts at '{KEY}'"
        )


def reach_of_named_host(host: str) -> frozenset[Reach]:
    """Returns what a host that the configuration names may resolve to.

    A network address is what it is, whatever that is; `localhost` is this machine; other names may be in a private
    network, but neither be this machine nor a cloud's metadata service, which no honest name leads to.

    Args:
        host: the host in its one spelling.
    """
    if as_ip(host) is not None:
        return ANYWHERE
    return NAMED | {Reach.LOOPBACK} if host == "localhost" or host.endswith(".localhost") else NAMED


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")


def _read(entry: AllowEntry, config: Config, index: int) -> AllowRule:
    match = _RULE.fullmatch(entry.host)
    if match is None:
        raise _refused(
            config,
            index,
            "host",
            f"expected a host such as 'example.com', '*.example.com' or 'example.com:8080', got '{entry.host}'",
        )
    host, low, high = match["host"], match["low"], match["high"]
    wildcard = host.startswith("*.")
    try:
        name = normalize_host(host.removeprefix("*.").strip("[]"))
    except InputError as error:
        raise _refused(config, index, "host", error.message) from error
    ports = (int(low), int(high or low)) if low else None
    if ports is not None and not 1 <= ports[0] <= ports[1] <= _MAX_PORT:
        raise _refused(
            config, index, "host", f"expected a port, or a range that rises, within 1 and 65535, got '{entry.host}'"
        )
    for position, path in enumerate(entry.paths or []):
        if not path.startswith("/"):
            raise _refused(config, index, f"paths[{position}]", f"expected a path with a leading slash, got '{path}'")
    paths = None if entry.paths is None else tuple(entry.paths)
    return AllowRule(f".{name}" if wildcard else name, wildcard, ports, paths)


def _refused(config: Config, index: int, name: str, message: str) -> ConfigError:
    location = config.location_of(["backend", "reading", "allow", index, name.partition("[")[0]])
    return ConfigError(message, key=f"{KEY}[{index}].{name}", location=location)

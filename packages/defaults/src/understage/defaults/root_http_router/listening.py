"""Where the server listens: `backend.listen`."""

import errno
import os
import re
import socket
from dataclasses import dataclass
from typing import Any

from understage.config import Config, ConfigError
from understage.config.location import SourceLocation
from understage.errors import UnderstageError

DEFAULT_PORT = 7007
_BACKLOG = 2048
_KEY = "backend.listen"


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """Where to listen.

    Attributes:
        port: the port; 0 lets the system choose one.
        host: the name or address to bind, or None for all interfaces.
        location: where the configuration says so, for messages.
    """

    port: int = DEFAULT_PORT
    host: str | None = None
    location: SourceLocation | None = None

    def __str__(self) -> str:
        host = self.host or "*"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


class ListenError(UnderstageError):
    """The server cannot listen where the configuration says.

    Attributes:
        options: where it should listen.
    """

    name = "ListenError"

    def __init__(self, options: ListenOptions, cause: OSError) -> None:
        """Names host, port, configuration key and remedy."""
        place = f"{options.location}: " if options.location is not None else ""
        hints = {
            errno.EADDRINUSE: "stop the process that listens there, or set backend.listen.port",
            errno.EACCES: "ports below 1024 need privileges; set backend.listen.port to a higher one",
        }
        # The standard library adds the address to the system's own text.
        known = cause.errno if cause.errno in errno.errorcode else None
        reason = str(cause) if known is None else os.strerror(known)
        hint = hints.get(cause.errno or 0, "check backend.listen.host and backend.listen.port")
        super().__init__(f"{place}backend.listen: cannot listen on {options}: {reason}\n  hint: {hint}")
        self.options = options
        self.__cause__ = cause


def read_listen_options(config: Config) -> ListenOptions:
    """Returns what `backend.listen` says: a port, the text `port` or `host:port`, or an object of host and port.

    Raises:
        ConfigError: it is none of these.
    """
    value = config.get_optional(_KEY)
    location = config.location_of(_KEY)
    if value is None:
        return ListenOptions()
    if isinstance(value, dict):
        return _from_section(config.get_config(_KEY), location)
    match = re.fullmatch(r"(?:([^\s:]+):|:)?(\d+)", str(value)) if not isinstance(value, bool) else None
    if match is None:
        raise ConfigError(f"expected 'port' or 'host:port', got {value!r}", key=_KEY, location=location)
    return ListenOptions(_port(int(match[2]), location), match[1], location)


def _from_section(section: Config, location: SourceLocation | None) -> ListenOptions:
    number = section.get_optional_number("port")
    # An empty host stands for all interfaces, but an empty text is no text for the reader.
    host = section.get_optional_string("host") if section.get_optional("host") != "" else None
    where = section.location_of("port") or location
    return ListenOptions(DEFAULT_PORT if number is None else _port(number, where), host, where)


def _port(number: float, location: SourceLocation | None) -> int:
    if not 0 <= number <= 65535 or number != int(number):
        raise ConfigError(f"expected a port from 0 to 65535, got {number}", key=f"{_KEY}.port", location=location)
    return int(number)


def open_sockets(options: ListenOptions) -> list[socket.socket]:
    """Binds and listens; port 0 gets the same free port on every address.

    Raises:
        ListenError: the address is in use, not ours, or not allowed.
    """
    sockets: list[socket.socket] = []
    port = options.port
    try:
        for family, address in _addresses(options):
            sockets.append(_listen(family, (address, port)))
            port = sockets[0].getsockname()[1]
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise ListenError(options, error) from error
    return sockets


def _addresses(options: ListenOptions) -> list[tuple[socket.AddressFamily, str]]:
    if options.host is None:
        dual = socket.has_dualstack_ipv6()
        return [(socket.AF_INET6, "::") if dual else (socket.AF_INET, "0.0.0.0")]  # noqa: S104 - the documented default
    found: list[Any] = socket.getaddrinfo(options.host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((entry[0], str(entry[4][0])) for entry in found))


def _listen(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    dual = family == socket.AF_INET6 and address[0] == "::"
    opened = socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    opened.setblocking(False)
    return opened

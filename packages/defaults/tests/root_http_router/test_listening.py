"""Where the server listens."""

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.defaults.root_http_router.listening import (
    ListenError,
    ListenOptions,
    open_sockets,
    read_listen_options,
)


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        (None, None, 7007),
        ("8080", None, 8080),
        (8080, None, 8080),
        (":8080", None, 8080),
        ("localhost:0", "localhost", 0),
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ({}, None, 7007),
        ({"port": 8080}, None, 8080),
        ({"port": "8080", "host": "::1"}, "::1", 8080),
        ({"port": 0, "host": ""}, None, 0),
        ({"host": "127.0.0.1"}, "127.0.0.1", 7007),
    ],
)
def test_forms_of_listen(listen: object, host: str | None, port: int) -> None:
    """H90: a port, host:port, or an object of both; by default port 7007 on all interfaces."""
    options = read_listen_options(config_from_data({"backend": {"listen": listen}}))
    assert (options.host, options.port) == (host, port)


@pytest.mark.parametrize("listen", ["", "localhost", "::1:80", "[::1]:80", "a b:80", "80:a", True, [80]])
def test_other_texts_are_an_error(listen: object) -> None:
    """H90: anything else is an error that shows the value; IPv6 addresses need the object form."""
    with pytest.raises(ConfigError) as caught:
        read_listen_options(config_from_data({"backend": {"listen": listen}}))
    assert "backend.listen" in str(caught.value)
    assert repr(listen) in str(caught.value)


@pytest.mark.parametrize("port", [-1, 65536, 80.5, "many"])
def test_ports_have_a_range(port: object) -> None:
    """H90: a number that is no port is an error that names the key."""
    with pytest.raises(ConfigError, match=r"backend\.listen\.port"):
        read_listen_options(config_from_data({"backend": {"listen": {"port": port}}}))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """H90: whatever is configured, the result is a port in range or a ConfigError."""
    try:
        options = read_listen_options(config_from_data({"backend": {"listen": text}}))
    except ConfigError:
        return
    assert 0 <= options.port <= 65535


def test_taken_ports_are_one_clear_error() -> None:
    """H90: a port in use is an error that names host, port, configuration key and remedy."""
    [taken] = open_sockets(ListenOptions(0, "127.0.0.1"))
    port = taken.getsockname()[1]
    options = read_listen_options(config_from_data({"backend": {"listen": {"host": "127.0.0.1", "port": port}}}))
    with pytest.raises(ListenError) as caught:
        open_sockets(options)
    assert str(caught.value) == (
        f"mock-config: backend.listen: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "  hint: stop the process that listens there, or set backend.listen.port"
    )
    taken.close()


def test_foreign_addresses_are_one_clear_error() -> None:
    """H90: an address that is not this machine's is an error with a hint to the settings."""
    with pytest.raises(ListenError, match=r"cannot listen on 192\.0\.2\.1:0.*\n  hint: check backend\.listen\.host"):
        open_sockets(ListenOptions(0, "192.0.2.1"))


def test_missing_privileges_have_their_own_hint() -> None:
    """H90: a port that needs privileges says so."""
    error = ListenError(ListenOptions(80), OSError(errno.EACCES, "Permission denied"))
    assert "backend.listen: cannot listen on *:80: Permission denied" in str(error)
    assert "ports below 1024 need privileges" in str(error)


def test_all_addresses_of_a_name_get_the_same_port() -> None:
    """H90: a name is bound on all of its addresses; port 0 chooses one port for all."""
    sockets = open_sockets(ListenOptions(0, "localhost"))
    assert len({opened.getsockname()[1] for opened in sockets}) == 1
    for opened in sockets:
        opened.close()


def test_without_host_all_interfaces() -> None:
    """H90: without a host the server can be reached on every interface, IPv4 included."""
    sockets = open_sockets(ListenOptions(0))
    with socket.create_connection(("127.0.0.1", sockets[0].getsockname()[1]), timeout=1):
        pass
    for opened in sockets:
        opened.close()

"""Which plugin is placed where, and what its process is told."""

import json
from typing import Any

import pytest

from understage.cli.processes.placement import Placement, environment_of, place, read_groups
from understage.config import Config, config_from_data
from understage.errors import InputError


def config(**backend: Any) -> Config:
    return config_from_data({"backend": {"baseUrl": "https://example.net/", "listen": ":7007", **backend}})


def test_plugins_of_no_group_are_in_the_front() -> None:
    """Groups come first and the front last, with whatever no group names."""
    placements = place(["a", "b", "c"], {"one": ["b"]}, config(), [4001])
    assert placements == [
        Placement("one", ("b",), "http://127.0.0.1:4001", 4001),
        Placement("front", ("a", "c"), "http://localhost:7007"),
    ]


def test_a_front_with_tls_is_reached_by_its_public_name() -> None:
    """A certificate names the public host, so the other processes ask there."""
    *_, front = place(["a"], {}, config(https=True), [])
    assert front.address == "https://example.net"


def test_the_front_needs_a_port_that_is_known() -> None:
    """Port 0 is known only once the front listens, which is too late for the others."""
    with pytest.raises(InputError, match=r"hint: set backend\.listen\.port"):
        place(["a"], {}, config(listen=":0"), [])


def test_an_empty_group_is_refused() -> None:
    """A group without plugins would be a process without purpose."""
    with pytest.raises(InputError, match="group 'one' has no plugins"):
        place(["a"], {"one": []}, config(), [4001])


def test_groups_given_twice_are_joined() -> None:
    """A group may be spelled in several options."""
    assert read_groups(config(), ["a=x,y", "b=u", "a= z"]) == {"a": ["x", "y", "z"], "b": ["u"]}


def test_what_a_group_is_told() -> None:
    """A group listens on loopback without TLS and finds all others; the user's endpoints stay, and variables do not."""
    data = {"discovery": {"endpoints": [{"target": "http://node:7007/api/{{pluginId}}", "plugins": ["old"]}]}}
    groups = [
        Placement("one", ("b",), "http://127.0.0.1:4001", 4001),
        Placement("front", ("a",), "http://127.0.0.1:7007"),
    ]
    base = {"PATH": "/bin", "APP_CONFIG_backend_listen_port": "7007", "APP_CONFIG_backend_https": "true"}
    told = environment_of(groups[0], groups, config_from_data(data), base)
    endpoints = json.loads(told.pop("APP_CONFIG_discovery_endpoints"))
    assert [(endpoint["target"], endpoint["plugins"]) for endpoint in endpoints] == [
        ("http://node:7007/api/{{pluginId}}", ["old"]),
        ({"internal": "http://127.0.0.1:4001/api/{{pluginId}}"}, ["b"]),
        ({"internal": "http://127.0.0.1:7007/api/{{pluginId}}"}, ["a"]),
    ]
    assert told == {
        "PATH": "/bin",
        "APP_CONFIG_backend_listen": "127.0.0.1:4001",
        "APP_CONFIG_backend_https": "false",
    }


def test_what_the_front_is_told() -> None:
    """The front listens where the user wants it to, and finds the others."""
    groups = [Placement("front", ("a",), "http://127.0.0.1:7007")]
    base = {"APP_CONFIG_backend_listen_port": "7007", "APP_CONFIG_discovery_endpoints": "[]"}
    told = environment_of(groups[0], groups, config(), base)
    assert told.pop("APP_CONFIG_backend_listen_port") == "7007"
    assert list(told) == ["APP_CONFIG_discovery_endpoints"]

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.config.location import SourceLocation
from understage.config.node import Node, from_plain
from understage.config.reader import Config
from understage.config.state import ConfigState
from understage.defaults.discovery import DefaultDiscovery, DiscoveryEndpoint, DiscoveryTarget
from understage.defaults.discovery.internal_address import internal_base_url
from understage.defaults.root_logger import DefaultRootLogger, LogOutput

SILENT = DefaultRootLogger(LogOutput(write=lambda line: None))


def discovery_with(endpoints: list[Any] | None = None, **backend: object) -> DefaultDiscovery:
    data: dict[str, Any] = {"backend": {"baseUrl": "https://portal.example.com", **backend}}
    if endpoints is not None:
        data["discovery"] = {"endpoints": endpoints}
    return DefaultDiscovery(config_from_data(data), SILENT)


async def addresses(discovery: DefaultDiscovery, plugin_id: str = "catalog") -> tuple[str, str]:
    return await discovery.get_base_url(plugin_id), await discovery.get_external_base_url(plugin_id)


async def test_plugins_live_here_by_default() -> None:
    """D1, D2: browsers find a plugin below backend.baseUrl, backends at the address that is listened on."""
    assert await addresses(discovery_with(baseUrl="https://portal.example.com//")) == (
        "http://localhost:7007/api/catalog",
        "https://portal.example.com/api/catalog",
    )


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        (None, "http://localhost:7007"),
        (":8000", "http://localhost:8000"),
        ("8000", "http://localhost:8000"),
        (8000, "http://localhost:8000"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("10.0.0.1:8000", "http://10.0.0.1:8000"),
        ({"port": 8000}, "http://localhost:8000"),
        ({"port": "8000", "host": ""}, "http://localhost:8000"),
        ({"host": "::"}, "http://localhost:7007"),
        ({"host": "::1", "port": 80}, "http://[::1]:80"),
        ({"host": "[::1]", "port": 80}, "http://[::1]:80"),
        ({"host": "0.0.0.0"}, "http://127.0.0.1:7007"),
    ],
)
def test_internal_address(listen: object, expected: str) -> None:
    """D2: any-address hosts become localhost or 127.0.0.1, and IPv6 addresses stand in brackets."""
    assert internal_base_url(config_from_data({"backend": {"listen": listen}})) == expected


def test_internal_address_follows_https_and_the_actual_port() -> None:
    """D2: with backend.https the scheme is https; a port of 0 gives way to the one that the server got."""
    config = config_from_data({"backend": {"listen": ":0", "https": True}})
    assert internal_base_url(config, 43210) == "https://localhost:43210"


def test_an_unreadable_listen_address_is_an_error() -> None:
    """D2: a listen text that is neither a port nor host and port is an error that shows it."""
    with pytest.raises(ConfigError, match=r"backend\.listen: expected 'port' or 'host:port', got 'nowhere'"):
        internal_base_url(config_from_data({"backend": {"listen": "nowhere"}}))


async def test_the_actual_port_is_known_only_once_the_server_listens() -> None:
    """D2: addresses handed out before and after the server bound its port are each the best known."""
    port: int | None = None
    config = config_from_data({"backend": {"baseUrl": "http://x", "listen": ":0"}})
    discovery = DefaultDiscovery(config, SILENT, actual_port=lambda: port)
    port = 40001
    assert await discovery.get_base_url("catalog") == "http://localhost:40001/api/catalog"


def test_a_base_url_is_required() -> None:
    """D2: without backend.baseUrl the start fails and names the key."""
    with pytest.raises(ConfigError, match=r"backend\.baseUrl"):
        DefaultDiscovery(config_from_data({}), SILENT)


async def test_a_text_target_counts_for_both_directions() -> None:
    """D3: a plain target is the plugin's root for backends and browsers alike, without trailing slashes."""
    discovery = discovery_with([{"target": "https://other/root/", "plugins": ["catalog", "search"]}])
    assert await addresses(discovery) == ("https://other/root", "https://other/root")
    assert await addresses(discovery, "search") == ("https://other/root", "https://other/root")
    assert await discovery.get_base_url("auth") == "http://localhost:7007/api/auth"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"internal": "http://in/c"}, ("http://in/c", "https://portal.example.com/api/catalog")),
        ({"external": "https://out/c"}, ("http://localhost:7007/api/catalog", "https://out/c")),
        ({"internal": "http://in/c", "external": "https://out/c"}, ("http://in/c", "https://out/c")),
    ],
)
async def test_an_object_target_counts_per_direction(target: dict[str, str], expected: tuple[str, str]) -> None:
    """D3: of internal and external the missing one falls back to the rule for all plugins."""
    assert await addresses(discovery_with([{"target": target, "plugins": ["catalog"]}])) == expected


@pytest.mark.parametrize("pattern", ["{{pluginId}}", "{{ pluginId }}", "{{pluginId }}"])
async def test_the_plugin_id_is_put_in(pattern: str) -> None:
    """D4: {{pluginId}}, inner spaces allowed, becomes the plugin's id wherever it stands."""
    discovery = discovery_with([{"target": f"http://{pattern}.svc/api/{pattern}", "plugins": ["*"]}])
    assert await discovery.get_base_url("catalog") == "http://catalog.svc/api/catalog"


async def test_ids_are_encoded() -> None:
    """D4: ids are URL-encoded in targets and in fallbacks."""
    discovery = discovery_with([{"target": "http://in/{{pluginId}}", "plugins": ["a/b \\1"]}])
    assert await discovery.get_base_url("a/b \\1") == "http://in/a%2Fb%20%5C1"
    assert await discovery.get_external_base_url("c/d?e") == "https://portal.example.com/api/c%2Fd%3Fe"


@given(st.text())
def test_any_id_stays_one_segment(plugin_id: str) -> None:
    """D4: no id can leave the segment that it is put into."""
    config = config_from_data({"backend": {"baseUrl": "http://x"}})
    if any("\ud800" <= character <= "\udfff" for character in plugin_id):
        return
    address = DefaultDiscovery(config, SILENT)._current().external.resolve(plugin_id)
    assert not set(address.removeprefix("http://x/api/")) & set("/?#\\ ")


async def test_an_exact_id_wins_over_all_plugins() -> None:
    """D5: an endpoint that names the plugin wins over '*', wherever it stands; '*' wins over the fallback."""
    discovery = discovery_with(
        [{"target": "http://exact", "plugins": ["catalog"]}, {"target": "http://any/{{pluginId}}", "plugins": ["*"]}]
    )
    assert await discovery.get_base_url("catalog") == "http://exact"
    assert await discovery.get_base_url("search") == "http://any/search"


async def test_the_later_endpoint_wins() -> None:
    """D5: of two endpoints that name the same plugin the later one counts."""
    discovery = discovery_with(
        [{"target": "http://first", "plugins": ["catalog"]}, {"target": "http://second", "plugins": ["catalog"]}]
    )
    assert await discovery.get_base_url("catalog") == "http://second"


async def test_endpoints_in_code_lose_to_the_configuration() -> None:
    """D5: endpoints given in code apply only where the configuration names no other for the same id."""
    data = {
        "backend": {"baseUrl": "http://x"},
        "discovery": {"endpoints": [{"target": "http://configured", "plugins": ["catalog"]}]},
    }
    defaults = [
        DiscoveryEndpoint("http://code", ["catalog", "search"]),
        DiscoveryEndpoint(DiscoveryTarget(external="http://code-auth"), ["auth"]),
    ]
    discovery = DefaultDiscovery(config_from_data(data), SILENT, defaults=defaults)
    assert await discovery.get_base_url("catalog") == "http://configured"
    assert await discovery.get_base_url("search") == "http://code"
    assert await addresses(discovery, "auth") == ("http://localhost:7007/api/auth", "http://code-auth")


async def test_changes_apply_at_once_and_bad_ones_are_logged() -> None:
    """D6, C42: a changed configuration applies live; one that cannot be used is logged and the old one kept."""
    written: list[bytes] = []
    source = SourceLocation("app-config.yaml")

    def tree(endpoints: object) -> Node:
        return from_plain({"backend": {"baseUrl": "http://x"}, "discovery": {"endpoints": endpoints}}, source)

    state = ConfigState(tree([{"target": "http://old", "plugins": ["catalog"]}]), ())
    discovery = DefaultDiscovery(Config(state), DefaultRootLogger(LogOutput(write=written.append)))
    state.replace(tree([{"target": "http://new", "plugins": ["catalog"]}]), ())
    assert await discovery.get_base_url("catalog") == "http://new"
    state.replace(tree([{"target": 3}]), ())
    assert await discovery.get_base_url("catalog") == "http://new"
    assert len(written) == 1
    assert b"Discovery keeps its previous configuration" in written[0]
    assert b"discovery.endpoints" in written[0]


@pytest.mark.parametrize("target", ["catalog:7007", "ftp://x", "/api/catalog"])
def test_targets_must_be_addresses(target: str) -> None:
    """D3: a target that is no http or https address stops the start and shows what one looks like."""
    with pytest.raises(ConfigError, match=r"expected an address such as 'http://host:7007/api/\{\{pluginId\}\}'"):
        discovery_with([{"target": target, "plugins": ["catalog"]}])

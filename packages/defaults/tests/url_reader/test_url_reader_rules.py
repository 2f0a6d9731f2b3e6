"""Spellings of addresses, rules, and what network addresses are."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.defaults.url_reader.addresses import (
    Reach,
    decoded_path,
    normalize_host,
    normalize_path,
    parse_http_url,
    reach_of,
)
from understage.defaults.url_reader.allow_rules import AllowRules
from understage.errors import InputError, NotAllowedError


def rules(*entries: Any) -> AllowRules:
    return AllowRules.from_config(config_from_data({"backend": {"reading": {"allow": list(entries)}}}))


def allows(checked: AllowRules, url: str) -> bool:
    try:
        return bool(checked.check(parse_http_url(url)))
    except NotAllowedError:
        return False


@pytest.mark.parametrize(
    ("host", "url", "expected"),
    [
        ("example.com", "https://example.com/x", True),
        ("example.com", "http://EXAMPLE.com./x", True),
        ("example.com", "https://example.com:443/", True),
        ("example.com", "https://example.com:8443/", False),
        ("example.com", "https://a.example.com/", False),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://notexample.com/", False),
        ("*.example.com:8080", "https://a.example.com:8080/", True),
        ("example.com:443", "https://example.com/", True),
        ("example.com:443", "http://example.com/", False),
        ("example.com:80", "http://example.com/", True),
        ("example.com:8000-8010", "http://example.com:8000/", True),
        ("example.com:8000-8010", "http://example.com:8010/", True),
        ("example.com:8000-8010", "http://example.com:8011/", False),
        ("example.com:8000-8010", "http://example.com/", False),
        ("[::1]:8080", "http://[0:0::1]:8080/", True),
        ("127.0.0.1:8080", "http://[::ffff:127.0.0.1]:8080/", False),
    ],
)
def test_hosts_and_ports(host: str, url: str, expected: bool) -> None:
    """S62: rules name a host or `*.` and its end, and a port or a range; without port the URL must have none."""
    assert allows(rules({"host": host}), url) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", True),
        ("/a/x/../b", True),
        ("/x/../a/b", True),
        ("/a/../b", False),
        ("/a/%2E%2e/b", False),
        ("/a/..%2Fb", False),
        ("/a/%252e%252e/b", False),
        ("/a/%5c..%5c..%5cb", False),
        ("/A/b", False),
        ("/", False),
        ("/z", True),
        ("/z/", True),
        ("/z/x", True),
        ("/zz", False),
        ("/z.yaml", False),
        ("/a", False),
    ],
)
def test_paths(path: str, expected: bool) -> None:
    """S62: a path allows itself and what is below it, after normalisation, however a server may decode it."""
    assert allows(rules({"host": "example.com", "paths": ["/a/", "/z"]}), f"https://example.com{path}") is expected


def test_the_first_rule_that_fits_counts() -> None:
    """S62: a rule that does not fit leaves the address to the next one."""
    checked = rules({"host": "a.example", "paths": ["/x"]}, {"host": "a.example", "paths": ["/y"]})
    assert [allows(checked, f"http://a.example/{path}") for path in "xyz"] == [True, True, False]


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"host": "https://example.com"}, "host"),
        ({"host": "exa*mple.com"}, "host"),
        ({"host": "example.com:0"}, "host"),
        ({"host": "example.com:90-80"}, "host"),
        ({"host": "example.com:99999"}, "host"),
        ({"host": "0x7f.1"}, "host"),
        ({"host": "user@example.com"}, "host"),
        ({"host": ""}, "host"),
        ({"host": "example.com", "paths": ["/a", "b"]}, "paths[1]"),
    ],
)
def test_wrong_rules_are_errors(entry: Any, key: str) -> None:
    """S62: a rule that cannot be read is an error that names its key."""
    with pytest.raises(ConfigError) as caught:
        rules({"host": "fine.example"}, entry)
    assert caught.value.key == f"backend.reading.allow[1].{key}"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", Reach.PUBLIC),
        ("2606:2800:220:1::1", Reach.PUBLIC),
        ("10.0.0.1", Reach.PRIVATE),
        ("172.31.255.255", Reach.PRIVATE),
        ("192.168.1.1", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("fd00::1", Reach.PRIVATE),
        ("127.8.8.8", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("::127.0.0.1", Reach.LOOPBACK),
        ("64:ff9b::127.0.0.1", Reach.LOOPBACK),
        ("2002:7f00:1::", Reach.LOOPBACK),
        ("::ffff:10.0.0.1", Reach.PRIVATE),
        ("169.254.169.254", Reach.SPECIAL),
        ("fe80::1", Reach.SPECIAL),
        ("0.0.0.0", Reach.SPECIAL),
        ("::", Reach.SPECIAL),
        ("224.0.0.1", Reach.SPECIAL),
        ("ff02::1", Reach.SPECIAL),
        ("255.255.255.255", Reach.SPECIAL),
        ("240.0.0.1", Reach.SPECIAL),
        ("192.0.2.1", Reach.SPECIAL),
    ],
)
def test_reach(address: str, expected: Reach) -> None:
    """Network addresses are told apart, also IPv4 ones within IPv6."""
    assert reach_of(ip_address(address)) is expected


@given(st.integers(0, 2**32 - 1))
def test_ipv4_within_ipv6_is_what_it_is(number: int) -> None:
    """Whatever IPv4 address is wrapped in an IPv6 one, it is as far away as before."""
    inner = IPv4Address(number)
    assert reach_of(IPv6Address(0xFFFF << 32 | number)) is reach_of(inner)
    assert reach_of(IPv6Address((0x64FF9B << 96) | number)) is reach_of(inner)


@given(st.integers(0, 2**32 - 1), st.data())
def test_odd_forms_of_ipv4_are_refused(number: int, data: st.DataObject) -> None:
    """Decimal, octal, hexadecimal and short forms of an IPv4 address are refused; the usual form is kept."""
    usual = IPv4Address(number)
    parts = [int(part) for part in str(usual).split(".")]
    assert normalize_host(str(usual)) == str(usual)
    forms = [
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(f"0x{part:x}" for part in parts),
        ".".join(f"0{part:o}" for part in parts),
        f"{parts[0]}.{parts[1]}.{parts[2] * 256 + parts[3]}",
        f"{parts[0]}.{number & 0xFFFFFF}",
    ]
    with pytest.raises(InputError):
        normalize_host(data.draw(st.sampled_from(forms)))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//example.com/x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://a b/",
        "http://a\tb/",
        "http://a\nb/",
        "http://a\\b/",
        "http://user@a/",
        "http://user:pass@a/",
        "http://@a/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:b/",
        "http://a..b/",
        "http://-a/",
        "http://\u24dbocalhost/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://%6c/",
        "http://[::1/",
        "http://[fe80::1%25lo]/",
        "http://[v1.x]/",
        "http://[127.0.0.1]/",
        "http://1.2.3/",
        "http://1.2.3.4.5/",
        "http://01.2.3.4/",
        "http://256.1.1.1/",
        "http://example.0x1/",
    ],
)
def test_doubtful_addresses_are_refused(url: str) -> None:
    """An address that two programs may read differently is refused."""
    with pytest.raises(InputError):
        parse_http_url(url)


@given(st.text(alphabet="ab./%2eE5cf\\", max_size=30))
def test_normalised_paths_have_no_dot_segments(path: str) -> None:
    """S62: a normalised path is normal, begins with a slash, and has no dot segments in any spelling."""
    normal = normalize_path("/" + path)
    assert normal.startswith("/")
    assert normalize_path(normal) == normal
    assert not {".", ".."} & {segment.lower().replace("%2e", ".") for segment in normal.split("/")}
    assert not {".", ".."} & set(decoded_path(normal).split("/"))


@given(
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5}){1,2}", fullmatch=True),
    st.none() | st.integers(1, 65535),
    st.text(max_size=20),
)
def test_spelling_is_stable(scheme: str, host: str, port: int | None, path: str) -> None:
    """The one spelling of an address is read as itself."""
    from urllib.parse import quote

    url = parse_http_url(f"{scheme}://{host}{'' if port is None else f':{port}'}/{quote(path)}")
    assert parse_http_url(str(url)) == url
    assert url.host == host

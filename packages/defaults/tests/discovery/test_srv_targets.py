"""Targets whose host and port stand in the DNS."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.defaults.discovery import DefaultDiscovery
from understage.defaults.discovery.dns_lookup import DnsLookup
from understage.defaults.discovery.srv import SrvRecord, SrvResolver, choose_by_weight
from understage.errors import NotFoundError, ServiceUnavailableError
from understage.testing import mock_services


class FakeDns:
    """Answers from a table; a failure is raised."""

    def __init__(self, **records: Sequence[SrvRecord] | Exception) -> None:
        self.records = records
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[SrvRecord]:
        self.asked.append(host)
        await asyncio.sleep(0)
        answer = self.records.get(host, ())
        if isinstance(answer, Exception):
            raise answer
        return answer


def discovery(target: object, dns: FakeDns | None = None) -> DefaultDiscovery:
    endpoints = [{"target": target, "plugins": ["catalog", "search"]}]
    data = {"backend": {"baseUrl": "http://localhost:7007"}, "discovery": {"endpoints": endpoints}}
    config = config_from_data(data)
    return DefaultDiscovery(config, mock_services.logger(), srv=SrvResolver(dns or FakeDns()))


async def test_an_srv_name_becomes_host_and_port() -> None:
    """D7: an internal target with an SRV name leads to the place that its record names; external is as ever."""
    dns = FakeDns(backend=[SrvRecord("b.example", 7007)])
    found = discovery({"internal": "http+srv://backend/api/{{pluginId}}/"}, dns)
    assert await found.get_base_url("catalog") == "http://b.example:7007/api/catalog"
    assert await found.get_base_url("search") == "http://b.example:7007/api/search"
    assert await found.get_external_base_url("catalog") == "http://localhost:7007/api/catalog"
    assert await found.get_base_url("other") == "http://localhost:7007/api/other"


async def test_https_and_bare_targets() -> None:
    """D7: `https+srv` leads to https, a target needs no path, and IPv6 addresses get brackets."""
    dns = FakeDns(backend=[SrvRecord("::1", 1)])
    assert await discovery({"internal": "https+srv://backend//"}, dns).get_base_url("catalog") == "https://[::1]:1"


async def test_the_lowest_priority_is_taken() -> None:
    """D7: only records with the lowest priority number are chosen from."""
    records = [SrvRecord("c", 3, priority=20, weight=99), SrvRecord("a", 1, priority=5), SrvRecord("b", 2, priority=10)]
    found = discovery({"internal": "http+srv://backend"}, FakeDns(backend=records))
    assert {await found.get_base_url("catalog") for _ in range(50)} == {"http://a:1"}


def test_weights_decide_how_often() -> None:
    """D7: of records of the same priority each is chosen as often as its weight says, a weight of zero hardly ever."""
    records = [SrvRecord("a", 1, weight=75), SrvRecord("b", 1, weight=25), SrvRecord("c", 1)]
    counts = Counter(choose_by_weight(records).target for _ in range(4000))
    assert 2700 < counts["a"] < 3300
    assert 700 < counts["b"] < 1300
    assert counts["c"] < 40


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=5))
def test_one_of_the_records_is_chosen(weights: list[int]) -> None:
    """D7: whatever the weights are, also when all are zero, one of the records is chosen."""
    records = [SrvRecord(str(index), 1, weight=weight) for index, weight in enumerate(weights)]
    assert choose_by_weight(records) in records


async def test_answers_hold_for_a_second() -> None:
    """D7: a name is looked up once a second, however many ask, and each time it is asked the choice is made anew."""
    now = 100.0
    dns = FakeDns(backend=[SrvRecord("a", 1), SrvRecord("b", 1)])
    chosen = iter([0, 1, 0, 0])
    resolver = SrvResolver(dns, clock=lambda: now, choose=lambda records: records[next(chosen)])
    urls = await asyncio.gather(*(resolver.resolve("http+srv://backend") for _ in range(2)))
    assert urls == ["http://a:1", "http://b:1"]
    now += 0.9
    await resolver.resolve("http+srv://backend")
    assert dns.asked == ["backend"]
    now += 0.2
    await resolver.resolve("http+srv://backend")
    assert dns.asked == ["backend"] * 2


async def test_names_without_records() -> None:
    """D7: a name without records is a not-found error that names it."""
    with pytest.raises(NotFoundError, match=r"^No SRV records found for 'backend'$"):
        await discovery({"internal": "http+srv://backend"}).get_base_url("catalog")


async def test_a_failing_dns() -> None:
    """D7: when the DNS does not tell, the error names the host and the cause; a second later it is asked again."""
    dns = FakeDns(backend=OSError("no route"))
    now = 0.0
    resolver = SrvResolver(dns, clock=lambda: now)
    with pytest.raises(ServiceUnavailableError, match=r"Failed to look up the SRV records of 'backend'.*no route"):
        await resolver.resolve("http+srv://backend")
    dns.records["backend"] = [SrvRecord("a", 1)]
    now = 1.5
    assert await resolver.resolve("http+srv://backend") == "http://a:1"


@pytest.mark.parametrize("target", ["http+srv://a/x", {"external": "https+srv://a"}])
def test_srv_names_are_for_backends(target: object) -> None:
    """D7: an SRV name in a target for all, or in an external one, stops the start: browsers cannot look it up."""
    with pytest.raises(ConfigError, match=r"discovery\.endpoints\[0\]\.target.*which only backends do.*'internal'"):
        discovery(target)


@pytest.mark.parametrize("rest", ["a:80/x", "user@a/x", "user:password@a", "a/x?q=1", "a/x#f", "", "/x"])
def test_srv_names_have_no_port(rest: str) -> None:
    """D7: a target with an SRV name has no port, credentials, query and fragment, and it has a name."""
    message = r"discovery\.endpoints\[0\]\.target\.internal.*expected a name and a path only"
    with pytest.raises(ConfigError, match=message) as failure:
        discovery({"internal": f"http+srv://{rest}"})
    assert "password" not in str(failure.value)


def test_the_library_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """D7: without the library that asks the DNS, the error prints the command that installs it."""
    monkeypatch.setattr("understage.defaults.discovery.config.is_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install 'understage\[srv\]'"):
        discovery({"internal": "http+srv://a"})


class NameServer(asyncio.DatagramProtocol):
    """A DNS server on loopback."""

    transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        name = query.question[0].name
        if name.to_text() == "_http._tcp.backend.test.":
            response.answer.append(
                dns.rrset.from_text(name, 60, "IN", "SRV", "10 5 7007 one.test.", "20 0 7008 two.test.")
            )
        elif name.to_text() == "refused.test.":
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "SRV", "0 0 0 ."))
        elif name.to_text() == "broken.test.":
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name.to_text() != "empty.test.":
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), addr)


@pytest.fixture
async def lookup() -> AsyncIterator[DnsLookup]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    yield DnsLookup(["127.0.0.1"], port=transport.get_extra_info("sockname")[1])
    transport.close()


async def test_asks_a_real_server(lookup: DnsLookup) -> None:
    """D7: records are read from a DNS server; unknown names, empty answers and a lone dot are no records."""
    assert sorted(await lookup("_http._tcp.backend.test"), key=lambda record: record.port) == [
        SrvRecord("one.test", 7007, priority=10, weight=5),
        SrvRecord("two.test", 7008, priority=20, weight=0),
    ]
    for name in ("nowhere.test", "empty.test", "refused.test"):
        assert await lookup(name) == [], name
    resolver = SrvResolver(lookup)
    assert await resolver.resolve("http+srv://_http._tcp.backend.test/api/x") == "http://one.test:7007/api/x"
    with pytest.raises(ServiceUnavailableError, match=r"'broken\.test'.*SERVFAIL"):
        await resolver.resolve("http+srv://broken.test")

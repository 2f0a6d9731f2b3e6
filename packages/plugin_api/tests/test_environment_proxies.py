import pytest

from understage.plugin_api import EnvironmentProxies

PROXY = "http://user:secret@proxy.example:3128"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_variables() -> None:
    """Where the environment names no proxy, requests go straight to their host."""
    assert EnvironmentProxies().proxy_for("http://elsewhere.example/x") is None


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://elsewhere.example/x?y", PROXY),
        ("http://elsewhere.example:81/", PROXY),
        ("ws://elsewhere.example/", PROXY),
        ("https://elsewhere.example/", "http://other.example:8080"),
        ("http://localhost:7007/api", None),
        ("http://user:pass@localhost:7007/api", None),
        ("http://a.internal.example/", None),
        ("http://exact.example:7000/", None),
        ("http://exact.example:7001/", PROXY),
        ("ftp://elsewhere.example/", None),
        ("http://[::1/", None),
        ("/relative", None),
    ],
)
def test_what_the_variables_say(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None) -> None:
    """HTTP_PROXY and HTTPS_PROXY count by the address's scheme, and NO_PROXY by host, suffix, and host with port."""
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("HTTPS_PROXY", "other.example:8080")
    monkeypatch.setenv("NO_PROXY", "localhost,.internal.example,exact.example:7000")
    proxies = EnvironmentProxies()
    assert [proxies.proxy_for(url), proxies.proxy_for(url)] == [proxy, proxy]


def test_one_proxy_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """ALL_PROXY is for schemes that have no variable of their own."""
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert EnvironmentProxies().proxy_for("https://elsewhere.example/") == PROXY


def test_it_forgets_rather_than_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers for a great many hosts do not pile up."""
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    proxies = EnvironmentProxies()
    for number in range(2500):
        assert proxies.proxy_for(f"http://host-{number}.example/") == PROXY
    assert len(proxies._by_origin) <= 1000

"""Which addresses the readers of integrations may be led to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from understage.defaults.url_reader.addresses import HttpUrl, Reach
from understage.defaults.url_reader.allow_rules import ANYWHERE, NAMED, PUBLIC_ONLY, AllowRules
from understage.errors import NotAllowedError
from understage.integration.base import host_of

_CONFIGURED: Final = NAMED | {Reach.LOOPBACK}
# Below these there are names of everybody, some of which are private within a cloud's own network.
_PUBLIC_HOSTS: Final = frozenset(
    {
        "api.bitbucket.org",
        "api.github.com",
        "bitbucket.org",
        "dev.azure.com",
        "github.com",
        "gitlab.com",
        "raw.githubusercontent.com",
        "storage.cloud.google.com",
        "storage.googleapis.com",
    }
)


class IntegrationHops:
    """Checks the hops of requests that begin at an integration.

    What the configuration names, and what lies below it, may be internal. Everything else that an answer redirects to
    has to be public, or allowed for plain reading: a source host must not lead us into the network that we are in.

    Args:
        bases: addresses or hosts, with their ports, that the configuration names.
        rules: what is allowed for plain reading.
        is_own: tells of further hosts that they belong to the integration.
    """

    def __init__(
        self, bases: Iterable[str | None], rules: AllowRules, is_own: Callable[[str], bool] = lambda _: False
    ) -> None:
        names = (host_of(urlsplit(base if "://" in base else f"//{base}")) for base in bases if base)
        self._hosts = frozenset(names)
        self._rules = rules
        self._is_own = is_own

    def __call__(self, url: HttpUrl) -> frozenset[Reach]:
        """Returns what the hop's host may resolve to."""
        if url.netloc in self._hosts:
            return ANYWHERE if url.ip is not None else NAMED if url.netloc in _PUBLIC_HOSTS else _CONFIGURED
        if url.ip is None and any(url.netloc.endswith(f".{host}") for host in self._hosts - _PUBLIC_HOSTS):
            return _CONFIGURED
        if self._is_own(url.netloc):
            return NAMED
        try:
            return self._rules.check(url)
        except NotAllowedError:
            return PUBLIC_ONLY

"""Asking the DNS for SRV records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import util
from typing import TYPE_CHECKING

from understage.defaults.discovery.srv import SrvRecord

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

TIMEOUT_SECONDS = 5.0


def is_installed() -> bool:
    """Tells whether the library that asks is installed."""
    return util.find_spec("dns") is not None


class DnsLookup:
    """Looks up SRV records at the name servers of this machine.

    The library is imported by the first lookup, so that a backend without such addresses pays nothing.

    Args:
        nameservers: addresses of name servers to ask instead.
        port: their port.
    """

    def __init__(self, nameservers: Sequence[str] | None = None, *, port: int = 53) -> None:
        self._nameservers = nameservers
        self._port = port
        self._resolver: Resolver | None = None

    async def __call__(self, host: str) -> Sequence[SrvRecord]:
        """Returns the SRV records of a name; none if the name does not exist or has none."""
        if self._resolver is None:
            self._resolver = await asyncio.to_thread(self._create)
        from dns.rdtypes.IN.SRV import SRV
        from dns.resolver import NXDOMAIN, NoAnswer

        try:
            answer = await self._resolver.resolve(host, "SRV", search=False)
        except (NXDOMAIN, NoAnswer):
            return []
        records = [
            SrvRecord(record.target.to_text(omit_final_dot=True), record.port, record.priority, record.weight)
            for record in answer
            if isinstance(record, SRV)
        ]
        # A lone dot says that the service is decidedly not offered.
        return [record for record in records if record.target not in ("", ".")]

    def _create(self) -> Resolver:
        from dns.asyncresolver import Resolver

        resolver = Resolver(configure=self._nameservers is None)
        resolver.lifetime = TIMEOUT_SECONDS
        if self._nameservers is not None:
            resolver.nameservers = list(self._nameservers)
            resolver.port = self._port
        return resolver

"""Resolves names, and refuses those that lead where they must not."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from understage.defaults.url_reader.addresses import Reach, reach_of
from understage.errors import NotAllowedError


class GuardedResolver(AbstractResolver):
    """Checks what names resolve to.

    The connection is made to exactly these addresses, so that no second look-up can tell something else.

    Args:
        reach: what names may resolve to.
        resolver: resolves them.
    """

    def __init__(self, reach: frozenset[Reach], resolver: AbstractResolver) -> None:
        self._reach = reach
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Returns the addresses of a name.

        Raises:
            NotAllowedError: one of them is where the name must not lead.
            OSError: there are none.
        """
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            found = reach_of(ip_address(result["host"].partition("%")[0]))
            if found not in self._reach:
                raise refused(host, found)
        return results

    async def close(self) -> None:
        """Closes the resolver behind it."""
        await self._resolver.close()


def refused(host: str, found: Reach) -> NotAllowedError:
    """Returns the error of a host that leads where it must not.

    Args:
        host: the host.
        found: where it leads.
    """
    return NotAllowedError(
        f"Reading from '{host}' is not allowed: it leads to a {found.value} network address. A host of a private"
        " network has to be listed by its full name in 'backend.reading.allow' or 'integrations', one with a loopback"
        " or special address by that address"
    )

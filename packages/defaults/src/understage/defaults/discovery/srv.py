"""Addresses whose host and port stand in the DNS: `http+srv://` and `https+srv://`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from understage.errors import NotFoundError, ServiceUnavailableError

SUFFIX: Final = "+srv"
SCHEMES: Final = (f"http{SUFFIX}", f"https{SUFFIX}")
FRESH_SECONDS: Final = 1.0
# A record of weight zero is to be taken now and then, not never.
_LEAST_WEIGHT: Final = 0.01


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """Where a service is.

    Attributes:
        target: the host.
        port: the port.
        priority: records with the lowest number are taken.
        weight: of several of the same priority, how often this one is taken, in proportion to the others.
    """

    target: str
    port: int
    priority: int = 0
    weight: int = 0


SrvLookup = Callable[[str], Awaitable[Sequence[SrvRecord]]]


class SrvResolver:
    """Turns addresses with SRV names into addresses with host and port. What is looked up holds for a second.

    Args:
        lookup: asks the DNS for the records of a name; none if there are none.
        clock: tells the time, in seconds since any moment.
        choose: picks one of several records, by their weights.
    """

    def __init__(
        self,
        lookup: SrvLookup,
        *,
        clock: Callable[[], float] = time.monotonic,
        choose: Callable[[Sequence[SrvRecord]], SrvRecord] | None = None,
    ) -> None:
        self._lookup = lookup
        self._clock = clock
        self._choose = choose or choose_by_weight
        self._lookups: dict[str, tuple[float, asyncio.Task[Sequence[SrvRecord]]]] = {}

    async def resolve(self, url: str) -> str:
        """Returns an address with one of the places that the DNS names; other addresses as they are.

        Args:
            url: the address, without a trailing slash.

        Raises:
            NotFoundError: the name has no SRV records.
            ServiceUnavailableError: the DNS does not tell.
        """
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            return url
        host = parts.netloc
        records = await asyncio.shield(self._fresh(host))
        if not records:
            raise NotFoundError(f"No SRV records found for '{host}'")
        lowest = min(record.priority for record in records)
        record = self._choose([record for record in records if record.priority == lowest])
        target = f"[{record.target}]" if ":" in record.target else record.target
        return f"{parts.scheme.removesuffix(SUFFIX)}://{target}:{record.port}{parts.path}".rstrip("/")

    def _fresh(self, host: str) -> asyncio.Task[Sequence[SrvRecord]]:
        """Returns the lookup of a host that is under way or not older than a second."""
        known = self._lookups.get(host)
        if known is not None and (not known[1].done() or self._clock() - known[0] < FRESH_SECONDS):
            return known[1]
        lookup = asyncio.create_task(self._ask(host))
        lookup.add_done_callback(_look_at_failure)
        self._lookups[host] = (self._clock(), lookup)
        return lookup

    async def _ask(self, host: str) -> Sequence[SrvRecord]:
        try:
            return await self._lookup(host)
        except Exception as error:
            raise ServiceUnavailableError(f"Failed to look up the SRV records of '{host}'", error) from error


def choose_by_weight(records: Sequence[SrvRecord]) -> SrvRecord:
    """Returns one of the records at random, each as often as its weight says."""
    weights = [record.weight or _LEAST_WEIGHT for record in records]
    return random.choices(records, weights)[0]  # noqa: S311 - no secret


def _look_at_failure(task: asyncio.Task[Sequence[SrvRecord]]) -> None:
    if not task.cancelled():
        task.exception()  # every caller may be gone; an exception that nobody looked at would be complained of

"""Hosts that want no requests for a while are left alone by all readers of the backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from understage.errors import ServiceUnavailableError

FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 300.0
# A host that asks for more is asked again after this, lest a wrong clock silence it for days.
LONGEST_ASKED_SECONDS: Final = 3600.0
_MAX_HOSTS: Final = 1000
_REMAINING: Final = ("x-ratelimit-remaining", "ratelimit-remaining")
_RESET: Final = ("x-ratelimit-reset", "ratelimit-reset")


class HostBackOff:
    """Remembers until when hosts are left alone.

    Args:
        clock: tells the time, in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._refusals: dict[str, int] = {}

    def check(self, host: str) -> None:
        """Lets a request pass.

        Raises:
            ServiceUnavailableError: the host wants no requests for now; `retry_after` tells for how long.
        """
        remaining = self._until.get(host, 0.0) - self._clock()
        # No host is left alone for longer than that, so then the clock was set back.
        if 0 < remaining <= LONGEST_ASKED_SECONDS:
            raise _unavailable(host, remaining)

    def observe(self, host: str, status: int, headers: Mapping[str, str]) -> ServiceUnavailableError | None:
        """Takes note of an answer.

        Args:
            host: who answered, with the port.
            status: the HTTP status.
            headers: header values; names in any case if the mapping does not care, else in lower case.

        Returns:
            The error to raise if the request was refused because there were too many.
        """
        exhausted = _first(headers, _REMAINING) == "0"
        asked = self._asked_pause(headers, exhausted)
        refused = status == 429 or (status in (403, 503) and asked is not None)
        if refused:
            count = self._refusals[host] = self._refusals.pop(host, 0) + 1
            pause = (
                asked
                if asked is not None
                else min(FIRST_PAUSE_SECONDS * 2 ** min(count - 1, 20), LONGEST_PAUSE_SECONDS)
            )
            self._set(host, pause)
            return _unavailable(host, pause)
        if status < 400:
            self._refusals.pop(host, None)
            if exhausted and asked is not None:
                self._set(host, asked)
        return None

    def _asked_pause(self, headers: Mapping[str, str], exhausted: bool) -> float | None:
        pause = _seconds(headers.get("retry-after"), self._clock())
        if pause is None and exhausted:
            reset = _number(_first(headers, _RESET))
            # Most send the time of the reset, some how many seconds it is away.
            pause = None if reset is None else reset - self._clock() if reset > 1_000_000_000 else reset
        return None if pause is None else min(max(pause, 0.0), LONGEST_ASKED_SECONDS)

    def _set(self, host: str, seconds: float) -> None:
        if len(self._until) >= _MAX_HOSTS:
            now = self._clock()
            self._until = {name: until for name, until in self._until.items() if until > now}
            self._refusals = {name: count for name, count in self._refusals.items() if name in self._until}
        known = self._until.get(host, 0.0)
        is_possible = known - self._clock() <= LONGEST_ASKED_SECONDS
        self._until[host] = max(known if is_possible else 0.0, self._clock() + seconds)


def _unavailable(host: str, seconds: float) -> ServiceUnavailableError:
    return ServiceUnavailableError(
        f"{host} wants no requests for the next {max(1, round(seconds))} seconds: its rate limit is used up",
        retry_after=seconds,
    )


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((headers[name] for name in names if name in headers), None)


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


def _seconds(value: str | None, now: float) -> float | None:
    """Reads a `Retry-After`: seconds, or a date."""
    if value is None:
        return None
    seconds = _number(value.strip())
    if seconds is not None:
        return seconds
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return None

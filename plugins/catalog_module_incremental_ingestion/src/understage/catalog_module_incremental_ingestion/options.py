"""How an incremental provider is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from understage.errors import InputError

_LONGEST = timedelta(days=36_500)
DEFAULT_BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3))


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalOptions:
    """When a provider works, and when what it says is not believed.

    Attributes:
        burst_length: how long a burst goes on; the page that is under way is still taken, if it comes within a minute.
        burst_interval: how long to wait between two bursts.
        rest_length: how long to wait once all of the source was seen.
        backoff: how long to wait after a burst that failed, after the second in a row, and so on; the last one repeats.
        reject_removals_above_percentage: how many entities may be removed at the end at most, in percent of those that
            were seen; above it, none is. None lets any number go.
        reject_empty_source_collections: whether a source in which nothing at all was found removes nothing.

    Raises:
        InputError: a value cannot be used.
    """

    burst_length: timedelta
    burst_interval: timedelta
    rest_length: timedelta
    backoff: Sequence[timedelta] = DEFAULT_BACKOFF
    reject_removals_above_percentage: float | None = None
    reject_empty_source_collections: bool = False

    def __post_init__(self) -> None:
        """Checks the values."""
        for name in ("burst_length", "burst_interval", "rest_length"):
            _check_span(name, getattr(self, name))
        if not self.backoff:
            raise InputError("the option backoff is empty; it must hold at least one timedelta")
        for span in self.backoff:
            _check_span("backoff", span)
        percentage = self.reject_removals_above_percentage
        if percentage is not None and not percentage > 0:
            raise InputError(
                f"the option reject_removals_above_percentage is {percentage!r}; it must be above 0, or None for "
                "no limit"
            )

    def backoff_after(self, failures: int) -> timedelta:
        """Returns how long to wait after a burst that failed.

        Args:
            failures: how many have failed in a row before it.
        """
        return self.backoff[min(failures, len(self.backoff) - 1)]


def _check_span(name: str, span: timedelta) -> None:
    if not isinstance(span, timedelta) or not timedelta() <= span <= _LONGEST:
        raise InputError(f"the option {name} is {span!r}; it must be a timedelta from zero to a century")

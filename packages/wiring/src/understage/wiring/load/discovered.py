"""A feature that was found rather than asked for."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiscoveredFeature:
    """What a loader returns for a feature that is left out if it was added already.

    Attributes:
        value: what stands for the feature, such as its import name.
        on_skipped: called if it was left out.
    """

    value: object
    on_skipped: Callable[[], None]

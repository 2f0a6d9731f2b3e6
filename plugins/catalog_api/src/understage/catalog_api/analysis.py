"""Analysis of places that are not in the catalog: what is there already, and what could be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from understage.catalog_api.client.answers import ExistingEntityFile, LocationAnalysis
from understage.catalog_api.refs import LocationRef
from understage.plugin_api import Credentials


class LocationAnalyzer(Protocol):
    """Analyses places."""

    async def analyze_location(
        self, location: LocationRef, *, catalog_filename: str | None, credentials: Credentials[Any]
    ) -> LocationAnalysis:
        """Returns what is at a place.

        Args:
            location: a repository, folder or file.
            catalog_filename: the name of entity files there, if it is not the usual one.
            credentials: of who asks.

        Raises:
            InputError: it cannot be analysed.
        """
        ...


class ScmLocationAnalyzer(Protocol):
    """Finds the entity files of repositories on one kind of source host."""

    def supports(self, url: str) -> bool:
        """Tells whether an address is of this kind of host."""
        ...

    async def analyze(self, url: str, *, catalog_filename: str | None) -> Sequence[ExistingEntityFile]:
        """Returns the entity files of a repository.

        Args:
            url: an address in it.
            catalog_filename: the name of entity files there, if it is not the usual one.
        """
        ...


@dataclass(frozen=True, slots=True)
class AnalyzerParts:
    """What a location analyzer may be built of.

    Attributes:
        scm_location_analyzers: what modules have added for source hosts.
    """

    scm_location_analyzers: Sequence[ScmLocationAnalyzer]


LocationAnalyzerFactory = Callable[[AnalyzerParts], Awaitable[LocationAnalyzer]]
"""Builds an analyzer once all modules have added theirs."""

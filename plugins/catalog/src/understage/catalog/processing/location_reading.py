"""Reads what Location entities lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from understage.catalog.processing.collector import Collector, RunCache
from understage.catalog.processing.location_targets import ResolveUrl, is_optional, location_targets
from understage.catalog.processing.postponing import postponed_by
from understage.catalog_api import CatalogProcessor, EntityJson, LocationRef
from understage.errors import ForwardedError, InputError

CacheOf = Callable[[CatalogProcessor], RunCache]


class LocationReading:
    """Reads the targets of Locations with the first processor that takes each.

    Args:
        readers: the processors that read locations, in their order.
        allowed_types: types of targets that a Location of any other type may name.
        resolve_url: resolves addresses relative to others.
    """

    def __init__(
        self, readers: Sequence[CatalogProcessor], allowed_types: Sequence[str], resolve_url: ResolveUrl
    ) -> None:
        self._readers = readers
        self._allowed_types = allowed_types
        self._resolve_url = resolve_url

    async def read(self, entity: EntityJson, location: LocationRef, emit: Collector, cache_of: CacheOf) -> None:
        """Reads all targets; what is wrong with one of them leaves the others alone.

        Args:
            entity: a valid Location.
            location: where it was found.
            emit: takes what is found.
            cache_of: what a processor remembers of this Location.
        """
        optional = is_optional(entity)
        targets = list(location_targets(entity, location, self._resolve_url))
        unchanged: list[LocationRef] = []
        for target in targets:
            emit.is_unchanged = False
            if self._is_allowed(target, location, emit):
                await self._read_target(target, optional, emit, cache_of)
            if emit.is_unchanged:
                unchanged.append(target)
        emit.is_unchanged = bool(targets) and len(unchanged) == len(targets)
        if emit.is_unchanged or emit.document_errors or emit.postponed:
            return  # nothing is forgotten by a run that is not complete
        # The outcome is stored as a whole: beside what has changed it needs what has not.
        for target in unchanged:
            await self._read_target(target, optional, emit, lambda processor: cache_of(processor).blank())
        emit.is_unchanged = False

    def _is_allowed(self, target: LocationRef, location: LocationRef, emit: Collector) -> bool:
        """Tells whether a target may be read, and emits an error if not."""
        if location.type == "file" or target.type == location.type or target.type in self._allowed_types:
            return True
        # Otherwise whoever may register an address could read the files of this machine. Its own files may.
        types = ", ".join(sorted({location.type, *self._allowed_types}))
        emit.document_error(
            InputError(
                f"{target} is not read: a Location found at {location} may name targets of the types {types} only"
            )
        )
        return False

    async def _read_target(self, target: LocationRef, optional: bool, emit: Collector, cache_of: CacheOf) -> None:
        for processor in self._readers:
            try:
                if await processor.read_location(target, optional=optional, emit=emit, cache=cache_of(processor)):
                    return
            except Exception as error:  # noqa: BLE001 - readers are other people's code; the other targets go on
                reason = postponed_by(error)
                if reason is not None:
                    emit.postpone(reason)
                else:
                    emit.document_error(ForwardedError(f"{target} could not be read", error))
                return
        emit.document_error(
            InputError(
                f"No processor was able to handle reading of {target}: no processor of this backend reads the type "
                f"'{target.type}'; add the module that does"
            )
        )

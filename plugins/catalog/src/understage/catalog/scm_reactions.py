"""What the catalog does when files and repositories change on source hosts, as far as it is configured to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from understage.catalog.config import ScmEventsConfig
from understage.catalog.database import locations as table
from understage.catalog.database import scm
from understage.catalog.database.locations import Location
from understage.catalog.processing.retrying import in_transaction
from understage.catalog.providers.location_store import LocationStoreProvider
from understage.catalog_api.scm_events import CatalogScmEventsService, ScmEvent, ScmMoveEvent
from understage.plugin_api import DatabaseConnection, DatabaseService, MetricsService

_VIEWS = re.compile(r"/(?:tree|edit|raw)/")


class ScmReactions:
    """Refreshes, unregisters and moves locations.

    Args:
        settings: what of it is to be done.
        events: where events come from, and what was done is counted.
        database: the catalog's database.
        registered: brings and removes registered locations.
        on_change: called when there is something to process.
        metrics: counts events, if it is measured.
    """

    def __init__(
        self,
        settings: ScmEventsConfig,
        events: CatalogScmEventsService,
        database: DatabaseService,
        registered: LocationStoreProvider,
        on_change: Callable[[], None],
        metrics: MetricsService | None = None,
    ) -> None:
        self._settings = settings
        self._events = events
        self._database = database
        self._registered = registered
        self._on_change = on_change
        self._messages = (
            None
            if metrics is None
            else metrics.create_counter("catalog.events.scm.messages", description="Events of source hosts, by type")
        )

    def subscribe(self) -> None:
        """Reacts from now on."""
        self._events.subscribe(self.react)

    async def react(self, events: Sequence[ScmEvent | ScmMoveEvent]) -> None:
        """Does what events ask for."""
        for event in events:
            if self._messages is not None:
                self._messages.add(1, {"eventType": event.type})
        if self._settings.refresh:
            await self._refresh(events)
        for event in events:
            if isinstance(event, ScmMoveEvent):
                if self._settings.move:
                    await self._move(event)
            elif event.type in ("location.deleted", "repository.deleted") and self._settings.unregister:
                await self._unregister(event.url, is_repository=event.type == "repository.deleted")

    async def _refresh(self, events: Iterable[ScmEvent | ScmMoveEvent]) -> None:
        exact = {event.url for event in events if isinstance(event, ScmEvent) and event.type == "location.updated"}
        repositories = {
            event.url
            for event in events
            if isinstance(event, ScmEvent) and event.type == "repository.updated" and not _has_extras(event.url)
        }
        if not exact and not repositories:
            return

        async def refresh(connection: DatabaseConnection) -> int:
            now = datetime.now(UTC)
            count = await scm.schedule_from(connection, sorted(_variations(exact)), now) if exact else 0
            for url in sorted(repositories):
                count += await scm.schedule_below(connection, f"url:{url.rstrip('/')}/", now)
            return count

        count = await in_transaction(self._database, refresh)
        self._events.mark_event_action_taken("refresh", count)
        if count:
            self._on_change()

    async def _unregister(self, url: str, *, is_repository: bool) -> None:
        found = await self._find(url, is_repository=is_repository)
        for location in found:
            await self._remove(location)
        self._events.mark_event_action_taken("delete", len(found))

    async def _move(self, event: ScmMoveEvent) -> None:
        is_repository = event.type == "repository.moved"
        if is_repository and (_has_extras(event.from_url) or _has_extras(event.to_url)):
            return
        found = [] if event.from_url == event.to_url else await self._find(event.from_url, is_repository=is_repository)
        for location in found:
            target = moved(location.target, event.from_url, event.to_url) if is_repository else event.to_url
            await self._move_one(location, target)
        self._events.mark_event_action_taken("move", len(found))

    async def _move_one(self, location: Location, target: str) -> None:
        """Gives a location its new address; if that is registered already, the old one only goes."""
        if await table.find_by_target(self._database, location.type, target) is not None:
            await self._remove(location)
            return
        renamed = Location(location.id, location.type, target, location.entity_ref)
        await table.update(self._database, renamed)
        await self._registered.bring(renamed)

    async def _remove(self, location: Location) -> None:
        await table.delete(self._database, location.id)
        await self._registered.remove(location)

    async def _find(self, url: str, *, is_repository: bool) -> list[Location]:
        if not is_repository:
            found = await table.find_by_target(self._database, "url", url)
            return [] if found is None else [found]
        return [one for one in await scm.find_url_locations(self._database) if is_below(one.target, url)]


def is_below(target: str, url: str) -> bool:
    """Tells whether an address is that of a repository or folder, or within it.

    Args:
        target: the address.
        url: of the repository, or of a branch or folder in it.
    """
    path, base = _plain(target), _plain(url).rstrip("/")
    return path == base or path.startswith((f"{base}/", f"{base}?"))


def moved(target: str, from_url: str, to_url: str) -> str:
    """Returns the address of something in a repository or folder that was moved.

    Args:
        target: its address before; it must be within `from_url`.
        from_url: the address of the repository or folder before.
        to_url: its address now.
    """
    base = from_url.rstrip("/")
    rest = target[len(base) :] if target.startswith(base) else _plain(target)[len(_plain(base)) :]
    return to_url.rstrip("/") + rest if rest.lstrip("/") else to_url


def _plain(url: str) -> str:
    """Returns an address in which it does not matter whether a file or a folder is looked at."""
    return _VIEWS.sub("/blob/", url, count=1)


def _variations(urls: Iterable[str]) -> set[str]:
    return {f"url:{form}" for url in urls for form in (url, url.replace("/blob/", "/tree/"))}


def _has_extras(url: str) -> bool:
    return "?" in url or "#" in url

"""Events of source hosts: files and repositories that were created, changed, moved or deleted there.

Modules that know a host, by its webhooks for example, publish them; the catalog reacts if it is configured to. Events
stay within the process. This follows an interface that Backstage calls alpha, so it may change with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol

from understage.plugin_api import create_service_ref


@dataclass(frozen=True, slots=True)
class ScmEvent:
    """Something happened to a file or a repository.

    Attributes:
        type: what happened, and to what.
        url: the address of the file or repository.
        commit_url: the address of the commit by which it happened, if it is known.
    """

    type: Literal[
        "location.created",
        "location.updated",
        "location.deleted",
        "repository.created",
        "repository.updated",
        "repository.deleted",
    ]
    url: str
    commit_url: str | None = None


@dataclass(frozen=True, slots=True)
class ScmMoveEvent:
    """A file or a repository has another address.

    Attributes:
        type: what was moved.
        from_url: the address until now; of a repository maybe with a branch or a folder.
        to_url: the new address.
        commit_url: the address of the commit by which it happened, if it is known.
    """

    type: Literal["location.moved", "repository.moved"]
    from_url: str
    to_url: str
    commit_url: str | None = None


OnScmEvents = Callable[[Sequence[ScmEvent | ScmMoveEvent]], Awaitable[None]]


class ScmEventsSubscription(Protocol):
    """A subscription that can be ended."""

    def unsubscribe(self) -> None:
        """Ends it."""
        ...


class CatalogScmEventsService(Protocol):
    """Tells the catalog and others what happens on source hosts."""

    def subscribe(self, on_events: OnScmEvents) -> ScmEventsSubscription:
        """Receives all events of this process from now on.

        Args:
            on_events: called with events that were published together.
        """
        ...

    async def publish(self, events: Sequence[ScmEvent | ScmMoveEvent]) -> None:
        """Tells all subscribers; returns when they are done. What one of them raises is logged, and harms nobody.

        Args:
            events: what happened.
        """
        ...

    def mark_event_action_taken(self, action: str, count: int = 1) -> None:
        """Counts what was done because of events.

        Args:
            action: `refresh`, `delete`, `create` or `move`.
            count: to how many.
        """
        ...


catalog_scm_events_service_ref: Final = create_service_ref(
    CatalogScmEventsService,
    id="catalog.scm-events.alpha",
    default_factory="understage.catalog_api.scm_events_service:catalog_scm_events_service_factory",
)

CatalogScmEvents = Annotated[CatalogScmEventsService, catalog_scm_events_service_ref]
"""The service, as a plugin's or module's `init` asks for it."""

"""Incremental providers: what goes through a large source page by page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Protocol

from typing_extensions import TypeVar

from understage.catalog_api import DeferredEntity, DeltaMutation
from understage.plugin_api import Event

CursorT = TypeVar("CursorT")
ContextT = TypeVar("ContextT")


@dataclass(frozen=True, slots=True)
class SourcePage(Generic[CursorT]):
    """A page of a source.

    Attributes:
        entities: what is on it.
        cursor: where the next page begins: JSON values, since it is kept in the database. Only the last page may go
            without.
        done: whether it is the last page.
    """

    entities: Sequence[DeferredEntity] = ()
    cursor: CursorT | None = None
    done: bool = False


class IncrementalEntityProvider(Protocol[ContextT, CursorT]):
    """Brings a source that is too large for one mutation, in bursts of pages."""

    @property
    def name(self) -> str:
        """A stable name, unlike that of all other entity providers: what it has brought is remembered by it."""
        ...

    def around(self) -> AbstractAsyncContextManager[ContextT]:
        """Prepares a burst and cleans up after it; gives what the pages of the burst are read with."""
        ...

    async def next(self, context: ContextT, cursor: CursorT | None) -> SourcePage[CursorT]:
        """Returns a page. What it raises ends the burst, and the same page is asked for again after a while.

        Args:
            context: what `around` gave.
            cursor: where the page begins, as JSON values came back from the database; None for the first page.
        """
        ...


class IncrementalEventHandler(Protocol):
    """Tells what an event changes in the source, so that it need not wait for the next way through it."""

    def event_topics(self) -> Sequence[str]:
        """Returns the topics of events that it understands."""
        ...

    async def on_event(self, event: Event) -> DeltaMutation | None:
        """Returns what an event has changed, or None if it changed nothing.

        Args:
            event: of one of the topics.
        """
        ...

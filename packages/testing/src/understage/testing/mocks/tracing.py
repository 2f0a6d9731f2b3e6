"""Tracing for tests: keeps the spans."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from understage.plugin_api import (
    Attributes,
    AttributeValue,
    Credentials,
    Principal,
    SpanKind,
    SpanStatus,
    TraceContext,
)
from understage.plugin_api.services.auth import Request


@dataclass(slots=True)
class MockSpan:
    """A span that was made; also the block around it.

    Attributes:
        name: what is done.
        kind: on which side of an exchange it is.
        attributes: what was set.
        credentials: whose work it is, if they were given.
        request: the request that asks for it, if it was given.
        events: what happened, by name and attributes.
        errors: what was recorded, and what has left the block.
        status: how it ended.
        state: how far it has come.
    """

    name: str
    kind: SpanKind = "internal"
    attributes: dict[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    credentials: Credentials[Principal] | None = None
    request: Request | None = None
    events: list[tuple[str, Attributes]] = field(default_factory=list[tuple[str, Attributes]])
    errors: list[BaseException] = field(default_factory=list[BaseException])
    status: SpanStatus = "unset"
    state: str = "new"

    is_recording = True

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Keeps an attribute."""
        self.attributes[name] = value

    def set_attributes(self, attributes: Attributes) -> None:
        """Keeps several attributes."""
        self.attributes.update(attributes)

    def add_event(self, name: str, attributes: Attributes | None = None) -> None:
        """Keeps an event."""
        self.events.append((name, attributes or {}))

    def record_exception(self, error: BaseException, attributes: Attributes | None = None) -> None:
        """Keeps an error."""
        self.errors.append(error)

    def set_status(self, status: SpanStatus, description: str | None = None) -> None:
        """Keeps the status."""
        self.status = status

    def update_name(self, name: str) -> None:
        """Renames the span."""
        self.name = name

    def __enter__(self) -> Self:
        self.state = "open"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.state = "ended"
        if isinstance(error, Exception):
            self.errors.append(error)
            self.status = "error"

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.__exit__(kind, error, traceback)


class MockTracingContext:
    """Knows one context only."""

    def active(self) -> TraceContext:
        """Returns an empty context."""
        return TraceContext()

    def use(self, context: TraceContext) -> AbstractContextManager[None]:
        """Changes nothing for a block."""
        return nullcontext()


class MockTracingPropagation:
    """Takes the carrier itself for the context, and each of its members for baggage."""

    def extract(self, carrier: Mapping[str, str], context: TraceContext | None = None) -> TraceContext:
        """Returns a context that holds the carrier."""
        return TraceContext(carrier)

    def get_baggage(self, context: TraceContext) -> Mapping[str, str]:
        """Returns the carrier that was extracted."""
        return context.value or {}

    def get_active_baggage(self) -> Mapping[str, str]:
        """Returns no baggage."""
        return {}


class MockTracing:
    """Keeps the spans that a plugin makes.

    Attributes:
        spans: all of them, in the order of making.
    """

    def __init__(self) -> None:
        self.spans: list[MockSpan] = []
        self.context: MockTracingContext = MockTracingContext()
        self.propagation: MockTracingPropagation = MockTracingPropagation()

    def start_active_span(
        self,
        name: str,
        *,
        attributes: Attributes | None = None,
        kind: SpanKind = "internal",
        credentials: Credentials[Principal] | None = None,
        request: Request | None = None,
    ) -> MockSpan:
        """Makes a span and keeps it."""
        span = MockSpan(name, kind, dict(attributes or {}), credentials, request)
        self.spans.append(span)
        return span

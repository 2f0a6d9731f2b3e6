"""Tracing that nobody looks at."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
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

_CONTEXT = TraceContext()


class SilentSpan:
    """A span that records nothing; also the block around itself, and the same for everybody."""

    __slots__ = ()

    is_recording = False

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Does nothing."""

    def set_attributes(self, attributes: Attributes) -> None:
        """Does nothing."""

    def add_event(self, name: str, attributes: Attributes | None = None) -> None:
        """Does nothing."""

    def record_exception(self, error: BaseException, attributes: Attributes | None = None) -> None:
        """Does nothing."""

    def set_status(self, status: SpanStatus, description: str | None = None) -> None:
        """Does nothing."""

    def update_name(self, name: str) -> None:
        """Does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        return


class SilentContext:
    """Knows one context only."""

    def active(self) -> TraceContext:
        """Returns an empty context."""
        return _CONTEXT

    def use(self, context: TraceContext) -> AbstractContextManager[None]:
        """Changes nothing for a block."""
        return nullcontext()


class SilentPropagation:
    """Reads nothing."""

    def extract(self, carrier: Mapping[str, str], context: TraceContext | None = None) -> TraceContext:
        """Returns an empty context."""
        return _CONTEXT

    def get_baggage(self, context: TraceContext) -> Mapping[str, str]:
        """Returns no baggage."""
        return {}

    def get_active_baggage(self) -> Mapping[str, str]:
        """Returns no baggage."""
        return {}


_SPAN = SilentSpan()


class SilentTracing:
    """Makes spans that do nothing, and looks at nobody's credentials."""

    context = SilentContext()
    propagation = SilentPropagation()

    def start_active_span(
        self,
        name: str,
        *,
        attributes: Attributes | None = None,
        kind: SpanKind = "internal",
        credentials: Credentials[Principal] | None = None,
        request: Request | None = None,
    ) -> SilentSpan:
        """Returns a span that does nothing."""
        return _SPAN

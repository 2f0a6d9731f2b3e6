"""Spans on OpenTelemetry. Imported only if they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace

from understage.errors import UnderstageError
from understage.plugin_api import Attributes, AttributeValue, SpanKind, SpanStatus

PLUGIN_ID = "backstage.plugin.id"
ERROR_TYPE = "error.type"
_FRAMEWORK = "understage"


class OpenTelemetrySpan:
    """A span of OpenTelemetry, in our words.

    Args:
        span: the span.
    """

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def is_recording(self) -> bool:
        """Whether anybody will see what is set here."""
        return self._span.is_recording()

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Sets an attribute."""
        self._span.set_attribute(name, value)

    def set_attributes(self, attributes: Attributes) -> None:
        """Sets several attributes."""
        self._span.set_attributes(attributes)

    def add_event(self, name: str, attributes: Attributes | None = None) -> None:
        """Notes that something happened at this moment."""
        self._span.add_event(name, attributes)

    def record_exception(self, error: BaseException, attributes: Attributes | None = None) -> None:
        """Notes an error that does not end the work."""
        self._span.record_exception(error, attributes)

    def set_status(self, status: SpanStatus, description: str | None = None) -> None:
        """Sets how the work ended."""
        self._span.set_status(trace.StatusCode[status.upper()], description)

    def update_name(self, name: str) -> None:
        """Renames the span."""
        self._span.update_name(name)


def span_kind(kind: SpanKind) -> trace.SpanKind:
    """Returns OpenTelemetry's word for a kind of span."""
    return trace.SpanKind[kind.upper()]


def framework_tracer() -> trace.Tracer:
    """Returns what makes the spans that no plugin asked for: of requests, statements and the start."""
    return trace.get_tracer(_FRAMEWORK)


def fail_span(span: trace.Span, error: BaseException) -> None:
    """Notes why the work of a span failed. That it was cancelled is no failure.

    Args:
        span: the span.
        error: what left its block.
    """
    if not isinstance(error, Exception):
        return
    span.record_exception(error)
    span.set_attribute(ERROR_TYPE, error_type(error))
    span.set_status(trace.StatusCode.ERROR, str(error) or None)


def error_type(error: BaseException) -> str:
    """Returns the name under which errors of a kind are counted together."""
    return error.name if isinstance(error, UnderstageError) else type(error).__qualname__


@contextmanager
def active_span(
    tracer: trace.Tracer, name: str, kind: trace.SpanKind, attributes: Attributes, context: Any = None
) -> Iterator[trace.Span]:
    """Makes a span for a block, and notes what leaves it.

    Args:
        tracer: makes the span.
        name: what is done.
        kind: on which side of an exchange it is.
        attributes: what is known from the beginning.
        context: its parent's; by default the active one.
    """
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            fail_span(span, error)
            raise

"""Spans of the statements of a SQLAlchemy engine. Imported only if they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from sqlalchemy import event

from understage.defaults.tracing.database import statement_attributes, statement_name
from understage.defaults.tracing.spans import fail_span
from understage.plugin_api import Dialect

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, ExceptionContext
    from sqlalchemy.ext.asyncio import AsyncEngine

_SPAN = "understage.span"


def trace_engine(engine: AsyncEngine, dialect: Dialect, plugin_id: str, tracer: trace.Tracer) -> None:
    """Makes a span of each statement of an engine; its text is kept, its values are not.

    Args:
        engine: the engine.
        dialect: which SQL it speaks.
        plugin_id: whose it is.
        tracer: makes the spans.
    """

    def begin(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        connection.info[_SPAN] = tracer.start_span(
            statement_name(statement),
            kind=trace.SpanKind.CLIENT,
            attributes=statement_attributes(dialect, statement, plugin_id),
        )

    def end(connection: Connection, *_rest: Any) -> None:
        connection.info.pop(_SPAN).end()

    def fail(context: ExceptionContext) -> None:
        span = context.connection.info.pop(_SPAN, None) if context.connection is not None else None
        if span is not None:
            # SQLAlchemy's own error repeats the values, and the adapter's has a name that tells nobody anything.
            error = context.original_exception
            fail_span(span, error.__cause__ or error)
            span.end()

    event.listen(engine.sync_engine, "before_cursor_execute", begin)
    event.listen(engine.sync_engine, "after_cursor_execute", end)
    event.listen(engine.sync_engine, "handle_error", fail)

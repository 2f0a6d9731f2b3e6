"""Spans of the requests that come in. Imported only if they are asked for."""

from __future__ import annotations

from typing import Any

from opentelemetry import propagate, trace

from understage.defaults.tracing.spans import ERROR_TYPE, PLUGIN_ID, active_span, framework_tracer
from understage.plugin_api import ASGIApp, AttributeValue, Message, Receive, Scope, Send

_CARRIED = {name.encode(): name for name in propagate.get_global_textmap().fields}


def trace_requests(app: ASGIApp) -> ASGIApp:
    """Makes a span of each request, as a child of the caller's if the request tells it.

    The query is left out of the span: it may hold what nobody shall read.

    Args:
        app: the app that answers.
    """
    tracer = framework_tracer()

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        context = propagate.extract(_carrier(scope))
        with active_span(tracer, scope["method"], trace.SpanKind.SERVER, _attributes(scope), context) as span:

            async def look(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_status(span, message["status"])
                await send(message)

            await app(scope, receive, look if span.is_recording() else send)

    return traced


def name_requests(app: ASGIApp, plugin_id: str) -> ASGIApp:
    """Names the spans of requests after the plugin that answers them.

    Args:
        app: the plugin's app.
        plugin_id: the plugin.
    """

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            span = trace.get_current_span()
            span.update_name(f"{scope['method']} /api/{plugin_id}")
            span.set_attribute(PLUGIN_ID, plugin_id)
        await app(scope, receive, send)

    return named


def _carrier(scope: Scope) -> dict[str, str]:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return {_CARRIED[name]: value.decode("latin-1") for name, value in headers if name in _CARRIED}


def _attributes(scope: Scope) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
    }
    client: Any = scope.get("client")
    if client:
        attributes["client.address"] = client[0]
    return attributes


def _note_status(span: trace.Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute(ERROR_TYPE, str(status))
        span.set_status(trace.StatusCode.ERROR)

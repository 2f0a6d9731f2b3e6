"""Spans of the requests that go out. Imported only if they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from opentelemetry import propagate, trace

from understage.defaults.root_http_client.client import shown_url
from understage.defaults.tracing.spans import ERROR_TYPE, active_span, framework_tracer
from understage.plugin_api import Attributes, AttributeValue, HttpResponse, RootHttpClientService


class TracedHttpClient:
    """Makes a span of each request, and tells the other side about it.

    Args:
        inner: makes the requests.
    """

    def __init__(self, inner: RootHttpClientService) -> None:
        self._inner = inner
        self._tracer = framework_tracer()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 30.0,
        follow_redirects: bool = False,
    ) -> HttpResponse:
        """Makes a request and reads the answer whole, whatever its status."""
        with active_span(self._tracer, method, trace.SpanKind.CLIENT, request_attributes(method, url)) as span:
            carried: dict[str, str] = {}
            propagate.inject(carried)
            response = await self._inner.request(
                method,
                url,
                headers={**carried, **(headers or {})},
                body=body,
                timeout_seconds=timeout_seconds,
                follow_redirects=follow_redirects,
            )
            note_status(span, response.status)
            return response


def note_status(span: trace.Span, status: int) -> None:
    """Notes how a request was answered."""
    span.set_attribute("http.response.status_code", status)
    if status >= 400:
        span.set_attribute(ERROR_TYPE, str(status))
        span.set_status(trace.StatusCode.ERROR)


def request_attributes(method: str, url: str) -> Attributes:
    """Returns what is known of a request: where it goes, without query and credentials.

    Args:
        method: its method.
        url: its address.
    """
    attributes: dict[str, AttributeValue] = {"http.request.method": method, "url.full": shown_url(url)}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return attributes
    if parts.hostname:
        attributes["server.address"] = parts.hostname
        attributes["server.port"] = port or (443 if parts.scheme == "https" else 80)
    return attributes

"""Spans of the requests of the URL reader. Imported only if they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry import trace

from understage.defaults.tracing.http_client import note_status, request_attributes
from understage.defaults.tracing.spans import active_span, framework_tracer
from understage.defaults.url_reader.addresses import HttpUrl, Reach
from understage.defaults.url_reader.transport import Transport

if TYPE_CHECKING:
    from aiohttp import ClientResponse


class TracedTransport(Transport):
    """Makes a span of each request, until its answer begins. The host is not told: it is somebody else's."""

    async def _send(self, url: HttpUrl, reach: frozenset[Reach], headers: Mapping[str, str]) -> ClientResponse:
        with active_span(framework_tracer(), "GET", trace.SpanKind.CLIENT, request_attributes("GET", str(url))) as span:
            response = await super()._send(url, reach, headers)
            note_status(span, response.status)
            return response

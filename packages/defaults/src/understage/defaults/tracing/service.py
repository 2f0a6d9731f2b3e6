"""Tracing on OpenTelemetry. Imported only if it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

from opentelemetry import baggage, propagate, trace
from opentelemetry import context as otel_context

from understage.defaults.telemetry.scope import InstrumentationScope
from understage.defaults.tracing.spans import PLUGIN_ID, OpenTelemetrySpan, active_span, span_kind
from understage.errors import UnderstageError, UnsupportedOperationError
from understage.plugin_api import (
    Attributes,
    AttributeValue,
    Credentials,
    HttpAuthService,
    Principal,
    Span,
    SpanKind,
    TraceContext,
    is_user,
)
from understage.plugin_api.services.auth import Request


class OpenTelemetryTracing:
    """Makes a plugin's spans on a tracer of its own.

    Args:
        plugin_id: the plugin.
        scope: the tracer.
        http_auth: tells who makes a request.
        capture_end_user: whether spans tell who the user is.
        provider: makes tracers; by default whatever the process has set up.
    """

    def __init__(
        self,
        plugin_id: str,
        *,
        scope: InstrumentationScope,
        http_auth: HttpAuthService,
        capture_end_user: bool = False,
        provider: trace.TracerProvider | None = None,
    ) -> None:
        self._plugin_id = plugin_id
        self._tracer = trace.get_tracer(scope.name, scope.version, provider, scope.schema_url)
        self._http_auth = http_auth
        self._capture_end_user = capture_end_user
        self.context = OpenTelemetryContext()
        self.propagation = OpenTelemetryPropagation()

    def start_active_span(
        self,
        name: str,
        *,
        attributes: Attributes | None = None,
        kind: SpanKind = "internal",
        credentials: Credentials[Principal] | None = None,
        request: Request | None = None,
    ) -> SpanBlock:
        """Makes a span for a block."""
        given = {**(attributes or {}), PLUGIN_ID: self._plugin_id}
        return SpanBlock(self, name, span_kind(kind), given, credentials, request)

    def open(self, name: str, kind: trace.SpanKind, attributes: Attributes) -> AbstractContextManager[trace.Span]:
        """Begins a span."""
        return active_span(self._tracer, name, kind, attributes)

    async def credentials_of(self, request: Request) -> Credentials[Principal] | None:
        """Returns who makes a request, or None if its credentials are not valid: to refuse it is not our part."""
        try:
            return await self._http_auth.credentials(request)
        except UnderstageError:
            return None

    def describe(self, credentials: Credentials[Principal]) -> dict[str, AttributeValue]:
        """Returns what a span tells of the one whose work it is."""
        described: dict[str, AttributeValue] = {"backstage.principal.type": credentials.principal.type}
        if self._capture_end_user and is_user(credentials):
            described["enduser.id"] = credentials.principal.user_entity_ref
        return described


class SpanBlock:
    """A span for a block, not begun yet."""

    __slots__ = ("_attributes", "_credentials", "_kind", "_name", "_opened", "_request", "_tracing")

    def __init__(
        self,
        tracing: OpenTelemetryTracing,
        name: str,
        kind: trace.SpanKind,
        attributes: dict[str, AttributeValue],
        credentials: Credentials[Principal] | None,
        request: Request | None,
    ) -> None:
        self._tracing = tracing
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._credentials = credentials
        self._request = request
        self._opened: AbstractContextManager[trace.Span] | None = None

    def __enter__(self) -> Span:
        if self._request is not None and self._credentials is None:
            raise UnsupportedOperationError(
                f"the span '{self._name}' has a request, whose credentials must be waited for: use 'async with'"
            )
        return self._begin(self._credentials)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Span:
        credentials = self._credentials
        if credentials is None and self._request is not None:
            credentials = await self._tracing.credentials_of(self._request)
        return self._begin(credentials)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _begin(self, credentials: Credentials[Principal] | None) -> Span:
        described = {} if credentials is None else self._tracing.describe(credentials)
        self._opened = self._tracing.open(self._name, self._kind, {**self._attributes, **described})
        return OpenTelemetrySpan(self._opened.__enter__())


class OpenTelemetryContext:
    """The context of the code that runs."""

    def active(self) -> TraceContext:
        """Returns the context at this moment."""
        return TraceContext(otel_context.get_current())

    @contextmanager
    def use(self, context: TraceContext) -> Iterator[None]:
        """Makes a context the active one for a block."""
        token = otel_context.attach(context.value or otel_context.Context())
        try:
            yield
        finally:
            otel_context.detach(token)


class OpenTelemetryPropagation:
    """Contexts that arrive from other processes, in the formats that `OTEL_PROPAGATORS` names."""

    def extract(self, carrier: Mapping[str, str], context: TraceContext | None = None) -> TraceContext:
        """Reads a context off headers."""
        return TraceContext(propagate.extract(carrier, None if context is None else context.value))

    def get_baggage(self, context: TraceContext) -> Mapping[str, str]:
        """Returns the baggage of a context."""
        return {name: str(value) for name, value in baggage.get_all(context.value).items()}

    def get_active_baggage(self) -> Mapping[str, str]:
        """Returns the baggage of the active context."""
        return {name: str(value) for name, value in baggage.get_all().items()}

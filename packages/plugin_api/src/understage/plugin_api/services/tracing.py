"""The tracing service: spans that tell what took how long, across plugins and hosts."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, TypeAlias

from understage.plugin_api.credentials import Credentials, Principal
from understage.plugin_api.services.auth import Request

SpanKind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]
SpanStatus: TypeAlias = Literal["unset", "ok", "error"]
AttributeValue: TypeAlias = str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]
Attributes: TypeAlias = Mapping[str, AttributeValue]


class Span(Protocol):
    """A piece of work that is being traced. Without tracing it does nothing."""

    @property
    def is_recording(self) -> bool:
        """Whether anybody will see what is set here; ask before working out a costly attribute."""
        ...

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Sets an attribute.

        Args:
            name: its name, in lower case with dots, such as `catalog.entity_ref`.
            value: its value.
        """
        ...

    def set_attributes(self, attributes: Attributes) -> None:
        """Sets several attributes."""
        ...

    def add_event(self, name: str, attributes: Attributes | None = None) -> None:
        """Notes that something happened at this moment."""
        ...

    def record_exception(self, error: BaseException, attributes: Attributes | None = None) -> None:
        """Notes an error that does not end the work; one that leaves the block is recorded by itself."""
        ...

    def set_status(self, status: SpanStatus, description: str | None = None) -> None:
        """Sets how the work ended.

        Args:
            status: `ok`, `error`, or `unset`.
            description: why, of an error.
        """
        ...

    def update_name(self, name: str) -> None:
        """Renames the span."""
        ...


class ActiveSpan(Protocol):
    """A span for a block: `with`, or `async with`. It ends with the block; spans begun within are its children.

    An exception that leaves the block is recorded, its name becomes `error.type`, and the status becomes `error`.
    """

    def __enter__(self) -> Span:
        """Begins the span.

        Raises:
            UnsupportedOperationError: the span has a request, whose credentials only `async with` can wait for.
        """
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Ends the span."""
        ...

    async def __aenter__(self) -> Span:
        """Begins the span."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Ends the span."""
        ...


@dataclass(frozen=True, slots=True)
class TraceContext:
    """What a span becomes a child of, with the baggage that travels along.

    Attributes:
        value: the tracing library's own context; None without tracing.
    """

    value: Any = None


class TracingContext(Protocol):
    """The context of the code that runs."""

    def active(self) -> TraceContext:
        """Returns the context at this moment, to be used elsewhere later."""
        ...

    def use(self, context: TraceContext) -> AbstractContextManager[None]:
        """Makes a context the active one for a block.

        Args:
            context: from `active` or `extract`.
        """
        ...


class TracingPropagation(Protocol):
    """Contexts that arrive from other processes, and the baggage in them."""

    def extract(self, carrier: Mapping[str, str], context: TraceContext | None = None) -> TraceContext:
        """Reads a context off headers, or whatever else brought it.

        Args:
            carrier: values by name, such as `traceparent`, in lower case.
            context: what to add it to; by default the active one.
        """
        ...

    def get_baggage(self, context: TraceContext) -> Mapping[str, str]:
        """Returns the baggage of a context."""
        ...

    def get_active_baggage(self) -> Mapping[str, str]:
        """Returns the baggage of the active context."""
        ...


class TracingService(Protocol):
    """Makes spans of a plugin. They all carry `backstage.plugin.id`."""

    @property
    def context(self) -> TracingContext:
        """The context of the code that runs."""
        ...

    @property
    def propagation(self) -> TracingPropagation:
        """Contexts that arrive from other processes."""
        ...

    def start_active_span(
        self,
        name: str,
        *,
        attributes: Attributes | None = None,
        kind: SpanKind = "internal",
        credentials: Credentials[Principal] | None = None,
        request: Request | None = None,
    ) -> ActiveSpan:
        """Makes a span for a block: `async with tracing.start_active_span("refresh") as span: ...`.

        Args:
            name: what is done; few different ones, the rest belongs into attributes.
            attributes: what else is to be known.
            kind: on which side of an exchange it is.
            credentials: whose work it is; they win over those of the request. The span tells what kind of principal it
                is, and who the user is only with `backend.tracing.capture.endUser`.
            request: the request that asks for it; needs `async with`.
        """
        ...

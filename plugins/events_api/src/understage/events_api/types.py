"""What webhooks are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """A request to a webhook.

    Attributes:
        body: the parsed body: what will be the event's payload.
        headers: header values by lower-case name, repeated ones joined by commas.
        raw: the body as it was sent, for those who verify a signature.
    """

    body: Any
    headers: Mapping[str, str]
    raw: bytes


class RequestValidationContext(Protocol):
    """What a validator does to a request."""

    def reject(self, *, status: int = 403, payload: Any = None) -> None:
        """Refuses the request; the first call counts.

        Args:
            status: the HTTP status of the answer.
            payload: its JSON body; by default an empty object.
        """
        ...


RequestValidator = Callable[[RequestDetails, RequestValidationContext], Awaitable[None]]
HttpBodyParser = Callable[[bytes, str], Awaitable[Any]]
"""Reads a body: takes the raw body and the whole content type, and returns the payload. An `InputError` is a 400."""

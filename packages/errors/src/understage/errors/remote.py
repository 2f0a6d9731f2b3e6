"""An error answer of another service, as an error here."""

import json
from typing import Any

from understage.errors.classes import UnderstageError
from understage.errors.serialization import deserialize_error


class ResponseError(UnderstageError):
    """A request to another service was answered with an error.

    Attributes:
        status_code: the status that the other service sent; it is passed on to our own caller.
        body: the other service's body, parsed if it was an error document.
        cause: the error that the other service described.
    """

    name = "ResponseError"

    def __init__(self, message: str, status_code: int, body: Any, cause: UnderstageError) -> None:
        """Use `ResponseError.from_body`, which reads the cause out of the body."""
        super().__init__(message)
        self.status_code = status_code
        self.body = body
        # It is always there; that it may be changed, as of any error, is no reason to ask for None everywhere.
        self.cause: UnderstageError = cause  # pyright: ignore[reportIncompatibleVariableOverride]
        self.__cause__: BaseException | None = cause

    @classmethod
    def from_body(cls, method: str, url: str, status_code: int, reason: str, body: bytes | str) -> "ResponseError":
        """Builds the error from an answer.

        Args:
            method: the method of the request.
            url: the address that was asked.
            status_code: the status of the answer.
            reason: the reason phrase of the answer, may be empty.
            body: the raw body; an error document is understood, anything else is kept as text.
        """
        parsed = _parse(body)
        described = parsed.get("error") if isinstance(parsed, dict) else None
        if isinstance(described, dict):
            cause = deserialize_error(described)
        else:
            text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
            cause = UnderstageError(f"Request failed with status {status_code} {reason}, {text[:1000]}".rstrip(", "))
        label = f"{status_code} {reason}".strip()
        return cls(f"{method} {url} failed with {label}: {cause}", status_code, parsed, cause)


def _parse(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace") if isinstance(body, bytes) else body

"""The root HTTP client service: requests to other plugins and to the outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, read whole.

    Attributes:
        status: the HTTP status.
        reason: the reason phrase, may be empty.
        headers: header values by lower-case name; of a repeated header the last.
        body: the raw body.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Returns the body parsed as JSON.

        Raises:
            ValueError: it is no JSON.
        """
        import msgspec

        return msgspec.json.decode(self.body)


class RootHttpClientService(Protocol):
    """Makes HTTP requests over pooled connections, honouring the proxy variables of the environment."""

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
        """Makes a request and reads the answer whole, whatever its status.

        Args:
            method: the HTTP method.
            url: the absolute address.
            headers: request headers.
            body: the raw request body.
            timeout_seconds: for the whole exchange.
            follow_redirects: whether redirects are followed; off, so that nobody is led to an address unchecked.

        Raises:
            ServiceUnavailableError: no answer could be had: refused, reset, not resolved, timed out.
        """
        ...

"""Access tokens that a host hands out in exchange for something else, kept until they expire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from understage.errors import ResponseError, ServiceUnavailableError

# A token that ends within this many seconds is not used any more: the request may take a while.
MARGIN_SECONDS: Final = 60.0
Clock = Callable[[], float]
T = TypeVar("T")


class TokenResponse(Protocol):
    """An answer of a token endpoint."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def reason(self) -> str:
        """The reason phrase."""
        ...

    @property
    def body(self) -> bytes:
        """The raw body."""
        ...


class TokenHttpClient(Protocol):
    """What asks token endpoints; the root HTTP client is one."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> TokenResponse:
        """Makes a request and reads the answer whole."""
        ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token with an end.

    Attributes:
        value: the token.
        expires_at: when it ends, in seconds since 1970.
    """

    value: str
    expires_at: float

    def __repr__(self) -> str:
        return f"AccessToken(expires_at={self.expires_at!r})"


class AccessTokens:
    """Keeps tokens by key; concurrent callers of one key share one request.

    Args:
        clock: tells the time, in seconds since 1970.
    """

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        # With the time of fetching: after the clock was set back, nobody knows any more when they end.
        self._tokens: dict[str, tuple[AccessToken, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, key: str, fetch: Callable[[], Awaitable[AccessToken]]) -> str:
        """Returns a token.

        Args:
            key: what it is for.
            fetch: gets a new one.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            token, fetched_at = self._tokens.get(key, (None, 0.0))
            if token is None or not fetched_at <= self._clock() < token.expires_at - MARGIN_SECONDS:
                token = await fetch()
                self._tokens[key] = token, self._clock()
            return token.value


class OAuthToken(msgspec.Struct):
    """An answer of an OAuth token endpoint.

    Attributes:
        access_token: the token.
        expires_in: for how many seconds it counts.
        expires_on: when it ends, in seconds since 1970; some endpoints tell that instead.
    """

    access_token: str
    expires_in: float | None = None
    expires_on: float | None = None

    def token(self, now: float) -> AccessToken:
        """Returns the token with its end.

        Args:
            now: the time, in seconds since 1970.
        """
        if self.expires_in is None and self.expires_on is not None:
            return AccessToken(self.access_token, self.expires_on)
        return AccessToken(self.access_token, now + (3600.0 if self.expires_in is None else self.expires_in))


async def ask_json(
    http: TokenHttpClient,
    method: str,
    url: str,
    model: type[T],
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> T:
    """Makes a request and returns what the JSON of its answer says.

    Args:
        http: makes it.
        method: the HTTP method.
        url: the absolute address.
        model: what the answer has to be.
        headers: request headers.
        body: the raw body.

    Raises:
        ResponseError: the answer is an error.
        ServiceUnavailableError: the answer is something else, or there is none.
    """
    response = await http.request(method, url, headers=headers, body=body)
    if not 200 <= response.status < 300:
        raise ResponseError.from_body(method, url, response.status, response.reason, response.body)
    try:
        # Some hosts write numbers as text.
        return msgspec.json.decode(response.body, type=model, strict=False)
    except msgspec.DecodeError as error:
        # What the error shows is names and kinds of members, never values, which may be tokens.
        raise ServiceUnavailableError(f"{method} {url} was not answered as expected", error) from error


async def ask_oauth_token(
    http: TokenHttpClient,
    url: str,
    form: Mapping[str, str],
    *,
    headers: Mapping[str, str] | None = None,
    clock: Clock = time.time,
) -> AccessToken:
    """Asks an OAuth token endpoint.

    Args:
        http: makes the request.
        url: the endpoint.
        form: the members of the request.
        headers: further request headers.
        clock: tells the time, in seconds since 1970.

    Raises:
        ResponseError: the endpoint refuses.
        ServiceUnavailableError: it does not answer as such an endpoint does.
    """
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **(headers or {})}
    answer = await ask_json(http, "POST", url, OAuthToken, headers=headers, body=urlencode(form).encode())
    return answer.token(clock())


def sign_jwt(claims: Mapping[str, Any], private_key: str) -> str:
    r"""Returns a JWT signed with RS256. Takes some milliseconds of computing: call it in a thread.

    Args:
        claims: what it says.
        private_key: an RSA key, PEM; newlines may be written as `\n`.
    """
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    key = RSAKey.import_key(private_key.replace("\\n", "\n"))
    return jwt.encode({"alg": "RS256", "typ": "JWT"}, dict(claims), key)

"""Tokens as text: what a JSON Web Token says, before anybody has verified it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

PLUGIN_TYPE = "vnd.backstage.plugin"
USER_TYPE = "vnd.backstage.user"
LIMITED_USER_TYPE = "vnd.backstage.limited-user"
OLD_USER_AUDIENCE = "backstage"

MAX_TOKEN_LENGTH = 128 * 1024
_MAX_TIME = 253402300799  # the last second that a datetime can tell

JsonObject = Mapping[str, Any]


class InvalidTokenError(Exception):
    """A token proves nothing. The reason is for the log: callers are not told."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A JSON Web Token, taken apart.

    Attributes:
        text: the token as it came.
        header: the header, as claimed.
        claims: the payload, as claimed.
    """

    text: str
    header: JsonObject
    claims: JsonObject

    @property
    def type(self) -> object:
        """The header's `typ`, by which kinds of tokens are told apart."""
        return self.header.get("typ")

    @property
    def algorithm(self) -> object:
        """The header's `alg`."""
        return self.header.get("alg")

    @property
    def key_id(self) -> object:
        """The header's `kid`."""
        return self.header.get("kid")

    @property
    def signing_input(self) -> bytes:
        """The bytes that the signature covers."""
        return self.text.rpartition(".")[0].encode("ascii")

    @property
    def signature(self) -> bytes:
        """The raw signature."""
        return decode_segment(self.text.rpartition(".")[2])


def parse_token(text: str) -> UnverifiedToken | None:
    """Takes a token apart without verifying it; returns None if it is no JSON Web Token."""
    if len(text) > MAX_TOKEN_LENGTH or text.count(".") != 2 or not text.isascii():
        return None
    header_segment, payload_segment, signature_segment = text.split(".")
    try:
        decode_segment(signature_segment)
        header = msgspec.json.decode(decode_segment(header_segment))
        claims = msgspec.json.decode(decode_segment(payload_segment))
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return UnverifiedToken(text, header, claims)


def decode_segment(segment: str) -> bytes:
    """Decodes base64url without padding."""
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def encode_segment(data: bytes) -> str:
    """Encodes base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def encode_json_segment(content: JsonObject) -> str:
    """Encodes an object as JavaScript's `JSON.stringify` writes it: in the given order, compact, UTF-8 unescaped.

    The order matters: both sides of a limited user token must come to the same bytes.
    """
    return encode_segment(msgspec.json.encode(content))


def required_time(claims: JsonObject, name: str) -> int | float:
    """Returns a claim that is a time, in seconds since 1970.

    Raises:
        InvalidTokenError: it is missing or no sensible number.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_TIME:
        raise InvalidTokenError(f"the claim '{name}' is missing or no time")
    return value


def required_text(claims: JsonObject, name: str) -> str:
    """Returns a claim that is a text with something in it.

    Raises:
        InvalidTokenError: it is missing, empty or no text.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidTokenError(f"the claim '{name}' is missing or no text")
    return value


def check_still_valid(claims: JsonObject, now: float) -> int | float:
    """Returns the token's `exp` after checking it, and `nbf` where there is one, against the clock.

    Raises:
        InvalidTokenError: the token has no `exp`, has expired, or is not valid yet.
    """
    expires_at = required_time(claims, "exp")
    if expires_at <= now:
        raise InvalidTokenError("the token has expired")
    _check_begun(claims, now)
    return expires_at


def check_end_if_any(claims: JsonObject, now: float) -> int | float | None:
    """Returns the token's `exp`, if it has one, after checking it and `nbf` against the clock.

    Raises:
        InvalidTokenError: the token has expired, or is not valid yet.
    """
    if "exp" in claims:
        return check_still_valid(claims, now)
    _check_begun(claims, now)
    return None


def _check_begun(claims: JsonObject, now: float) -> None:
    if "nbf" in claims and required_time(claims, "nbf") > now:
        raise InvalidTokenError("the token is not valid yet")


def has_audience(claims: JsonObject, *audiences: str) -> bool:
    """Tells whether a token's `aud`, a text or a list of texts, names any of the audiences."""
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return any(wanted in named for wanted in audiences)

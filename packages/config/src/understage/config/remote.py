"""Fetching remote configuration, with the standard library so that nothing heavy is imported for it."""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from understage.config.errors import ConfigSourceError
from understage.config.location import SourceLocation

if TYPE_CHECKING:
    from urllib.request import Request

_MAXIMUM_BYTES = 16 * 1024 * 1024
_FAILED = "the remote configuration cannot be fetched"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteConfig:
    """Enables URLs as sources of configuration.

    Attributes:
        reload_interval_seconds: how often URLs are fetched again while the configuration is watched.
        timeout_seconds: how long a fetch may take to connect, and to send each part.
    """

    reload_interval_seconds: float = 60
    timeout_seconds: float = 10


def shown_url(url: str) -> str:
    """Returns a URL without user, password, query and fragment, which may hold secrets."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def fetch(url: str, timeout_seconds: float) -> str:
    """Returns the text at a URL; blocks. Proxies of the environment are honoured.

    Args:
        url: http or https; a user and password in it are sent as basic authentication.
        timeout_seconds: how long to wait for the connection, and for each part of the body.

    Raises:
        ConfigSourceError: the server does not answer, or not with 2xx and UTF-8 text of at most 16 MiB.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError

    location = SourceLocation(shown_url(url))
    try:
        body = _fetch_bytes(url, timeout_seconds)
        text = body.decode("utf-8-sig")
    except HTTPError as error:
        error.close()
        raise ConfigSourceError(f"{_FAILED}: {error.code} {error.reason}", location=location) from None
    except UnicodeDecodeError:
        raise ConfigSourceError("the remote configuration is not UTF-8 text", location=location) from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ConfigSourceError(f"{_FAILED}: {reason}", location=location) from None
    if len(body) > _MAXIMUM_BYTES:
        raise ConfigSourceError("the remote configuration is larger than 16 MiB", location=location)
    return text


def _fetch_bytes(url: str, timeout_seconds: float) -> bytes:
    from urllib import request

    # Not the default opener: a redirect must not lead to ftp or to a file.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    with opener.open(_request(url), timeout=timeout_seconds) as response:
        body: bytes = response.read(_MAXIMUM_BYTES + 1)
    return body


def _request(url: str) -> "Request":
    from urllib.request import Request

    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    plain = Request(urlunsplit((parts.scheme, host, parts.path, parts.query, "")))  # noqa: S310 - scheme is checked
    plain.add_header("Accept", "application/yaml, application/json, text/plain, */*")
    plain.add_header("User-Agent", "understage")
    if at:
        plain.add_header("Authorization", "Basic " + base64.b64encode(unquote(user).encode()).decode())
    return plain

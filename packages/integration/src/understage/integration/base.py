"""What all integrations have in common."""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from typing import ClassVar, Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from understage.errors import InputError
from understage.integration.repository_url import RepositoryUrl, encode_path

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Integration(ABC):
    """A host of sources.

    Args:
        host: the host, with the port if it is not the scheme's own.

    Attributes:
        type: the kind of host, as the configuration names it.
    """

    type: ClassVar[str]

    def __init__(self, host: str) -> None:
        self.host = host.lower()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.host!r})"

    @property
    def title(self) -> str:
        """The host as shown to people."""
        return self.host

    def handles(self, parts: SplitResult) -> bool:
        """Tells whether an address, taken apart, belongs to this host."""
        return host_of(parts) == self.host

    def resolve_url(self, url: str, base: str, line_number: int | None = None) -> str:
        """Returns the address of something that is named relative to a file.

        Args:
            url: absolute, relative to the file, or with a leading slash relative to the root.
            base: the file's address.
            line_number: a line to point at, counted from 1.
        """
        return resolve_plain(url, base, self.line_anchor(line_number))

    def resolve_edit_url(self, url: str) -> str:
        """Returns the address at which a person edits a file; the file's own if there is no such place."""
        return url

    def line_anchor(self, line_number: int | None) -> str:
        """Returns the fragment that points at a line, with its sign; empty without a line."""
        return f"#L{line_number}" if line_number else ""


class RepositoryIntegration(Integration):
    """A host of repositories."""

    @abstractmethod
    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes the address of a repository, file or folder apart.

        Raises:
            InputError: it is not such an address.
        """

    def url_of(self, location: RepositoryUrl, path: str) -> str:
        """Returns the address of another path of the same repository and ref.

        Args:
            location: any place in it.
            path: the path from the root, decoded.
        """
        return f"{location.prefix}{encode_path(path)}{location.suffix}"

    def resolve_url(self, url: str, base: str, line_number: int | None = None) -> str:
        """Returns the address of something that is named relative to a file of a repository.

        Args:
            url: absolute, relative to the file, or with a leading slash relative to the repository's root.
            base: the file's address; a folder's ends in a slash.
            line_number: a line to point at, counted from 1.
        """
        if is_absolute(url):
            return url
        try:
            location = self.parse_url(base)
        except InputError:
            return super().resolve_url(url, base, line_number)
        name, hash_sign, fragment = url.partition("#")
        is_folder = urlsplit(base).path.endswith("/")
        folder = location.path if is_folder else posixpath.dirname(location.path)
        joined = posixpath.normpath(posixpath.join("/", folder, unquote(name)))
        path = joined.lstrip("/")
        if path and posixpath.basename(name) in ("", ".", ".."):
            path += "/"  # a folder, so that what is named relative to the answer is in it
        resolved = self.url_of(location, path)
        return self.with_line(resolved, line_number) if line_number else resolved + hash_sign + fragment

    def with_line(self, url: str, line_number: int) -> str:
        """Returns the address of a line of a file."""
        return url + self.line_anchor(line_number)


def is_absolute(url: str) -> bool:
    """Tells whether an address has a scheme."""
    return _ABSOLUTE.match(url) is not None


def resolve_plain(url: str, base: str, anchor: str = "") -> str:
    """Resolves as browsers do, but keeps the base's query, which often holds the ref or a token.

    Args:
        url: absolute, or relative to the base.
        base: an absolute address.
        anchor: a fragment with its sign, put instead of the address's own unless that was absolute.
    """
    if is_absolute(url):
        return url
    parts = urlsplit(urljoin(base, url))
    query = parts.query or urlsplit(base).query
    fragment = "" if anchor else parts.fragment
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, fragment)) + anchor


def host_of(parts: SplitResult) -> str:
    """Returns host and port of an address, lower-case, without user, and without the port that the scheme implies."""
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    try:
        port = parts.port
    except ValueError:
        return ""
    implied = {"http": 80, "https": 443}.get(parts.scheme)
    return host if port is None or port == implied else f"{host}:{port}"


def trimmed(url: str) -> str:
    """Returns an address without slashes at its end."""
    return url.rstrip("/")

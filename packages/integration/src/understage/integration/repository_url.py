"""Where a file or folder of a repository is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from understage.errors import InputError

# What may stand unescaped in a segment of a path.
SEGMENT_SAFE: Final = "!$&'()*+,;=:@~"


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """An address of a source host, taken apart. All texts are decoded.

    Attributes:
        url: the address, without its fragment.
        owner: user, organization, group path, workspace or project; of Azure `organization/project`. May be empty.
        name: the repository.
        ref: branch, tag or commit; None for the default branch.
        path: file or folder, without leading and trailing slash; empty for the root.
        prefix: the part of the address before the path, percent-encoded, with its slash.
        suffix: the part after it: the query with its question mark, if there is one.
    """

    url: str
    owner: str
    name: str
    ref: str | None
    path: str
    prefix: str
    suffix: str = ""

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}" if self.owner else self.name


def encode_path(path: str) -> str:
    """Returns a path percent-encoded, its slashes kept."""
    return quote(path, safe="/" + SEGMENT_SAFE)


def encode_segment(text: str) -> str:
    """Returns a text as one segment of a path, its slashes encoded."""
    return quote(text, safe="")


def decode_segments(url: str, path: str) -> str:
    """Returns the decoded form of a percent-encoded path, without slashes at its ends.

    Args:
        url: the address that it belongs to, for the error.
        path: the encoded path, or a part of one.

    Raises:
        InputError: it would leave the place where it is used: it has segments `.` or `..`, a backslash or a control
            character.
    """
    decoded = unquote(path).strip("/")
    segments = decoded.split("/")
    if any(segment in (".", "..") for segment in segments) or "\\" in decoded:
        raise InputError(f"{url}: expected a path without '.' and '..' segments and backslashes, got '{path}'")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in decoded):
        raise InputError(f"{url}: the path holds a control character")
    return decoded


def not_understood(url: str, title: str, expected: str) -> InputError:
    """Returns the error of an address that does not have the form of its host.

    Args:
        url: the address.
        title: the kind of host.
        expected: an address as it should be.
    """
    shown = urlsplit(url)._replace(query="", fragment="").geturl()
    return InputError(f"{shown} is not the address of a file or folder on {title}; expected one such as {expected}")

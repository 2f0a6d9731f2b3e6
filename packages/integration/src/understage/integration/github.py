"""GitHub and GitHub Enterprise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlsplit

from understage.integration.base import RepositoryIntegration, trimmed
from understage.integration.config import GithubConfig
from understage.integration.repository_url import (
    RepositoryUrl,
    decode_segments,
    encode_path,
    encode_segment,
    not_understood,
)

_PATH: Final = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?(?:/(?:blob|tree|raw|edit|blame)/([^/]+)(?:/(.*))?)?/?")
_VIEW: Final = re.compile(r"(://[^/]+/[^/]+/[^/]+)/(?:blob|tree|raw|edit|blame)/")


class GithubIntegration(RepositoryIntegration):
    """A GitHub host.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "github"

    def __init__(self, config: GithubConfig) -> None:
        super().__init__(config.host)
        self.config = config
        public = self.host == "github.com"
        self.api_base_url = trimmed(
            config.api_base_url or ("https://api.github.com" if public else f"https://{config.host}/api/v3")
        )
        self.raw_base_url = config.raw_base_url or ("https://raw.githubusercontent.com" if public else None)

    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes `https://github.com/<owner>/<repository>[/blob/<ref>/<path>]` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        match = _PATH.fullmatch(parts.path)
        if match is None:
            raise not_understood(url, "GitHub", f"https://{self.host}/owner/repository/blob/main/file.yaml")
        owner, name, ref, path = match.groups()
        root = f"{parts.scheme}://{parts.netloc}/{owner}/{name}"
        return RepositoryUrl(
            url=parts._replace(query="", fragment="").geturl(),
            owner=decode_segments(url, owner),
            name=decode_segments(url, name),
            ref=decode_segments(url, ref) if ref else None,
            path=decode_segments(url, path or ""),
            prefix=f"{root}/tree/{ref or 'HEAD'}/",
        )

    def resolve_edit_url(self, url: str) -> str:
        """Returns the address of GitHub's editor."""
        return _VIEW.sub(r"\1/edit/", url, count=1)

    def repository_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a repository in the REST API."""
        return f"{self.api_base_url}/repos/{encode_segment(location.owner)}/{encode_segment(location.name)}"

    def file_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a file's content in the REST API."""
        ref = f"?ref={encode_segment(location.ref)}" if location.ref else ""
        return f"{self.repository_api_url(location)}/contents/{encode_path(location.path)}{ref}"

    def raw_url(self, location: RepositoryUrl) -> str | None:
        """Returns the address of a file's content without the REST API, or None if there is no such place."""
        if self.raw_base_url is None:
            return None
        place = (
            f"{encode_segment(location.owner)}/{encode_segment(location.name)}/{encode_path(location.ref or 'HEAD')}"
        )
        return f"{trimmed(self.raw_base_url)}/{place}/{encode_path(location.path)}"


def github_headers(token: str | None) -> Mapping[str, str]:
    """Returns the header that carries a token, which may be a user's or an installation's."""
    return {"Authorization": f"Bearer {token}"} if token else {}

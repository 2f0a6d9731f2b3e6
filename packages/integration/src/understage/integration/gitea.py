"""Gitea and Forgejo."""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import urlsplit

from understage.integration.base import RepositoryIntegration, trimmed
from understage.integration.config import GiteaConfig
from understage.integration.repository_url import (
    RepositoryUrl,
    decode_segments,
    encode_path,
    encode_segment,
    not_understood,
)

_PATH: Final = re.compile(
    r"/([^/]+)/([^/]+?)(?:\.git)?(?:/(?:src|raw|_edit)/(?:(branch|tag|commit)/)?([^/]+)(?:/(.*))?)?/?"
)


class GiteaIntegration(RepositoryIntegration):
    """A Gitea host.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "gitea"

    def __init__(self, config: GiteaConfig) -> None:
        super().__init__(config.host)
        self.config = config
        self.base_url = trimmed(config.base_url or f"https://{config.host}")

    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes `https://<host>/<owner>/<repository>[/src/branch/<ref>/<path>]` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        root = urlsplit(self.base_url).path
        below = parts.path.removeprefix(root) if parts.path.startswith(f"{root}/") else parts.path
        match = _PATH.fullmatch(below)
        if match is None:
            raise not_understood(url, "Gitea", f"{self.base_url}/owner/repository/src/branch/main/file.yaml")
        owner, name, kind, ref, path = match.groups()
        place = f"{parts.scheme}://{parts.netloc}{parts.path[: -len(below)]}/{owner}/{name}"
        return RepositoryUrl(
            url=parts._replace(query="", fragment="").geturl(),
            owner=decode_segments(url, owner),
            name=decode_segments(url, name),
            ref=decode_segments(url, ref) if ref else None,
            path=decode_segments(url, path or ""),
            prefix=f"{place}/src/{kind or 'branch'}/{ref or 'HEAD'}/",
        )

    def resolve_edit_url(self, url: str) -> str:
        """Returns the address of Gitea's editor."""
        return re.sub(r"/src/branch/", "/_edit/", url, count=1)

    def repository_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a repository in the REST API."""
        return f"{self.base_url}/api/v1/repos/{encode_segment(location.owner)}/{encode_segment(location.name)}"

    def file_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a file's description, with its content, in the REST API."""
        ref = f"?ref={encode_segment(location.ref)}" if location.ref else ""
        return f"{self.repository_api_url(location)}/contents/{encode_path(location.path)}{ref}"

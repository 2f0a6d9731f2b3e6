"""Bitbucket Server and Data Center."""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from understage.integration.base import RepositoryIntegration, trimmed
from understage.integration.config import BitbucketServerConfig
from understage.integration.repository_url import (
    RepositoryUrl,
    decode_segments,
    encode_path,
    encode_segment,
    not_understood,
)

_PATH: Final = re.compile(r"(.*?)/(projects|users)/([^/]+)/repos/([^/]+)(?:/(?:browse|raw)(?:/(.*))?)?/?")


class BitbucketServerIntegration(RepositoryIntegration):
    """A Bitbucket Server host.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "bitbucketServer"

    def __init__(self, config: BitbucketServerConfig) -> None:
        super().__init__(config.host)
        self.config = config
        self.api_base_url = trimmed(config.api_base_url or f"https://{config.host}/rest/api/1.0")

    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes `https://<host>/projects/<key>/repos/<repository>/browse/<path>?at=<ref>` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        match = _PATH.fullmatch(parts.path)
        if match is None:
            expected = f"https://{self.host}/projects/KEY/repos/repository/browse/file.yaml?at=main"
            raise not_understood(url, "Bitbucket Server", expected)
        root, kind, owner, name, path = match.groups()
        ref = parse_qs(parts.query).get("at", [None])[0]
        # The API knows a user's own project under a tilde.
        key = decode_segments(url, owner)
        return RepositoryUrl(
            url=parts._replace(fragment="").geturl(),
            owner=f"~{key}" if kind == "users" else key,
            name=decode_segments(url, name),
            ref=decode_segments(url, ref) if ref else None,
            path=decode_segments(url, path or ""),
            prefix=f"{parts.scheme}://{parts.netloc}{root}/{kind}/{owner}/repos/{name}/browse/",
            suffix=f"?{parts.query}" if parts.query else "",
        )

    def resolve_edit_url(self, url: str) -> str:
        """Returns the file's own address, whose page offers editing."""
        return urlsplit(url)._replace(query="", fragment="").geturl()

    def line_anchor(self, line_number: int | None) -> str:
        """Returns the fragment that points at a line."""
        return f"#{line_number}" if line_number else ""

    def repository_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a repository in the REST API."""
        owner = encode_segment(location.owner)
        return f"{self.api_base_url}/projects/{owner}/repos/{encode_segment(location.name)}"

    def file_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a file's content in the REST API."""
        at = f"?{urlencode({'at': location.ref})}" if location.ref else ""
        return f"{self.repository_api_url(location)}/raw/{encode_path(location.path)}{at}"

    def archive_url(self, location: RepositoryUrl, revision: str) -> str:
        """Returns the address of a commit's archive, of the location's folder if it is one."""
        query = {"format": "tgz", "at": revision, "prefix": f"{location.owner}-{location.name}"}
        if location.path:
            query["path"] = location.path
        return f"{self.repository_api_url(location)}/archive?{urlencode(query)}"

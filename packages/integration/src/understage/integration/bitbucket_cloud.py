"""Bitbucket Cloud."""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import urlencode, urlsplit

from understage.errors import InputError
from understage.integration.base import RepositoryIntegration, trimmed
from understage.integration.config import BitbucketCloudConfig
from understage.integration.repository_url import (
    RepositoryUrl,
    decode_segments,
    encode_path,
    encode_segment,
    not_understood,
)

_PATH: Final = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?(?:/(?:src|raw)/([^/]+)(?:/(.*))?)?/?")


class BitbucketCloudIntegration(RepositoryIntegration):
    """Bitbucket Cloud.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "bitbucketCloud"

    def __init__(self, config: BitbucketCloudConfig) -> None:
        super().__init__(config.host)
        self.config = config
        self.api_base_url = trimmed(config.api_base_url or "https://api.bitbucket.org/2.0")

    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes `https://bitbucket.org/<workspace>/<repository>[/src/<ref>/<path>]` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        match = _PATH.fullmatch(parts.path)
        if match is None:
            raise not_understood(url, "Bitbucket", f"https://{self.host}/workspace/repository/src/main/file.yaml")
        owner, name, ref, path = match.groups()
        return RepositoryUrl(
            url=parts._replace(fragment="").geturl(),
            owner=decode_segments(url, owner),
            name=decode_segments(url, name),
            ref=decode_segments(url, ref) if ref else None,
            path=decode_segments(url, path or ""),
            prefix=f"{parts.scheme}://{parts.netloc}/{owner}/{name}/src/{ref or 'HEAD'}/",
            suffix=f"?{parts.query}" if parts.query else "",
        )

    def resolve_edit_url(self, url: str) -> str:
        """Returns the address of Bitbucket's editor."""
        try:
            location = self.parse_url(url)
        except InputError:
            return url
        query = urlencode({"mode": "edit", "at": location.ref or "HEAD"})
        return f"{location.prefix}{encode_path(location.path)}?{query}"

    def line_anchor(self, line_number: int | None) -> str:
        """Returns the fragment that points at a line."""
        return f"#lines-{line_number}" if line_number else ""

    def repository_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a repository in the REST API."""
        return f"{self.api_base_url}/repositories/{encode_segment(location.owner)}/{encode_segment(location.name)}"

    def file_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a file's content in the REST API."""
        ref = encode_segment(location.ref or "HEAD")
        return f"{self.repository_api_url(location)}/src/{ref}/{encode_path(location.path)}"

    def archive_url(self, location: RepositoryUrl, revision: str) -> str:
        """Returns the address of a commit's archive."""
        scheme = urlsplit(self.api_base_url).scheme
        repository = f"{encode_segment(location.owner)}/{encode_segment(location.name)}"
        return f"{scheme}://{self.host}/{repository}/get/{encode_segment(revision)}.tar.gz"

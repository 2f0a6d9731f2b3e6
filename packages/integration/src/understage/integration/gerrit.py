"""Gerrit, with Gitiles."""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import urlsplit

from understage.errors import InputError
from understage.integration.base import RepositoryIntegration, host_of, trimmed
from understage.integration.config import GerritConfig
from understage.integration.repository_url import (
    RepositoryUrl,
    decode_segments,
    encode_path,
    encode_segment,
    not_understood,
)

_PATH: Final = re.compile(r"/(.+?)(?:/\+/((?:refs/(?:heads|tags)/)?[^/]+)(?:/(.*))?)?/?")
_BRANCH: Final = "refs/heads/"


class GerritIntegration(RepositoryIntegration):
    """A Gerrit host.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "gerrit"

    def __init__(self, config: GerritConfig) -> None:
        super().__init__(config.host)
        self.config = config
        self.base_url = trimmed(config.base_url or f"https://{config.host}")
        self.clone_url = trimmed(config.clone_url or self.base_url)
        self.gitiles_base_url = trimmed(config.gitiles_base_url)

    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes `https://<host>/gitiles/<project>/+/refs/heads/<branch>/<path>` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        root = urlsplit(self.gitiles_base_url).path
        below = parts.path.removeprefix("/a") if parts.path.startswith(f"/a{root}/") else parts.path
        if not below.startswith(f"{root}/") or (match := _PATH.fullmatch(below.removeprefix(root))) is None:
            raise not_understood(url, "Gerrit", f"{self.gitiles_base_url}/project/+/refs/heads/main/file.yaml")
        project, ref, path = match.groups()
        return RepositoryUrl(
            url=parts._replace(query="", fragment="").geturl(),
            owner="",
            name=decode_segments(url, project),
            ref=decode_segments(url, ref) if ref else None,
            path=decode_segments(url, path or ""),
            prefix=f"{parts.scheme}://{parts.netloc}{root}/{project}/+/{ref or 'HEAD'}/",
        )

    def resolve_edit_url(self, url: str) -> str:
        """Returns the address of Gerrit's editor, unless the configuration says that there is none."""
        if self.config.disable_edit_url or host_of(urlsplit(url)) != self.host:
            return url
        try:
            location = self.parse_url(url)
        except InputError:
            return url
        ref = encode_path(location.ref or "HEAD")
        project = encode_path(location.name)
        return f"{self.base_url}/admin/repos/edit/repo/{project}/branch/{ref}/file/{encode_path(location.path)}"

    def line_anchor(self, line_number: int | None) -> str:
        """Returns the fragment that points at a line."""
        return f"#{line_number}" if line_number else ""

    @property
    def has_credentials(self) -> bool:
        """Whether requests are made as a user."""
        return bool(self.config.username and self.config.password)

    def revision_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of the place that a ref points to in the REST API."""
        project = f"{self._api_root()}/projects/{encode_segment(location.name)}"
        ref = location.ref or "HEAD"
        if ref.startswith("refs/tags/"):
            return f"{project}/tags/{encode_segment(ref.removeprefix('refs/tags/'))}"
        if _is_commit(ref):
            return f"{project}/commits/{ref}"
        return f"{project}/branches/{encode_segment(ref.removeprefix(_BRANCH))}"

    def file_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a file's content, as base64, in the REST API."""
        return f"{self.revision_api_url(location)}/files/{encode_segment(location.path)}/content"

    def archive_url(self, location: RepositoryUrl) -> str:
        """Returns the address of an archive, of the location's folder if it is one; its paths start there."""
        root = urlsplit(self.gitiles_base_url)
        as_user = "/a" if self.has_credentials else ""
        folder = f"/{encode_path(location.path)}" if location.path else ""
        place = f"{root.scheme}://{root.netloc}{as_user}{root.path}/{encode_path(location.name)}"
        return f"{place}/+archive/{encode_path(location.ref or 'HEAD')}{folder}.tar.gz"

    def _api_root(self) -> str:
        # Gerrit asks for credentials only below this path.
        return f"{self.base_url}/a" if self.has_credentials else self.base_url


def _is_commit(ref: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}", ref) is not None

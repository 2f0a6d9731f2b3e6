"""GitLab."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlsplit

from understage.integration.base import RepositoryIntegration, trimmed
from understage.integration.config import GitlabConfig
from understage.integration.repository_url import RepositoryUrl, decode_segments, encode_segment, not_understood

_PATH: Final = re.compile(r"/(.+?)(?:\.git)?(?:/-)?(?:/(blob|tree|raw|edit|blame)/([^/]+)(?:/(.*))?)?/?")
# Old addresses have no dash; a group or project cannot have the name of a view then.
_DASHED: Final = re.compile(r"/(.+?)/-/(blob|tree|raw|edit|blame)/([^/]+)(?:/(.*))?/?")


class GitlabIntegration(RepositoryIntegration):
    """A GitLab host.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "gitlab"

    def __init__(self, config: GitlabConfig) -> None:
        super().__init__(config.host)
        self.config = config
        self.base_url = trimmed(config.base_url or f"https://{config.host}")
        self.api_base_url = trimmed(config.api_base_url or f"{self.base_url}/api/v4")

    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes `https://gitlab.com/<group>[/<group>…]/<project>[/-/blob/<ref>/<path>]` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        root = urlsplit(self.base_url).path
        below = parts.path.removeprefix(root) if parts.path.startswith(f"{root}/") else parts.path
        match = _DASHED.fullmatch(below) or _PATH.fullmatch(below)
        project = decode_segments(url, match[1]) if match else ""
        if match is None or "/" not in project:
            raise not_understood(url, "GitLab", f"{self.base_url}/group/project/-/blob/main/file.yaml")
        view, ref, path = match[2] or "blob", match[3], match[4] or ""
        owner, _, name = project.rpartition("/")
        return RepositoryUrl(
            url=parts._replace(query="", fragment="").geturl(),
            owner=owner,
            name=name,
            ref=decode_segments(url, ref) if ref else None,
            path=decode_segments(url, path),
            prefix=f"{parts.scheme}://{parts.netloc}{parts.path[: -len(below)]}/{match[1]}/-/{view}/{ref or 'HEAD'}/",
        )

    def resolve_edit_url(self, url: str) -> str:
        """Returns the address of GitLab's editor."""
        return re.sub(r"/-/(?:blob|tree|raw)/", "/-/edit/", url, count=1)

    def project_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a project in the REST API."""
        return f"{self.api_base_url}/projects/{encode_segment(location.full_name)}"

    def file_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a file's content in the REST API."""
        ref = encode_segment(location.ref or "HEAD")
        return f"{self.project_api_url(location)}/repository/files/{encode_segment(location.path)}/raw?ref={ref}"


def gitlab_headers(token: str | None) -> Mapping[str, str]:
    """Returns the header that carries a token: personal, of a project or group, or of OAuth."""
    return {"Authorization": f"Bearer {token}"} if token else {}

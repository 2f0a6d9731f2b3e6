"""Azure DevOps."""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from understage.integration.base import RepositoryIntegration, host_of
from understage.integration.config import AzureConfig
from understage.integration.repository_url import RepositoryUrl, decode_segments, encode_segment, not_understood

PUBLIC_HOST: Final = "dev.azure.com"
_PATH: Final = re.compile(r"/([^/]+)(?:/([^/]+))?/_git/([^/]+)/?")
_API_VERSION: Final = ("api-version", "6.0")
_KINDS: Final = {"GB": "branch", "GT": "tag", "GC": "commit"}


class AzureIntegration(RepositoryIntegration):
    """An Azure DevOps host.

    Args:
        config: its entry in the configuration.
    """

    type: ClassVar[str] = "azure"

    def __init__(self, config: AzureConfig) -> None:
        super().__init__(config.host)
        self.config = config

    def parse_url(self, url: str) -> RepositoryUrl:
        """Takes `https://<host>/<organization>/<project>/_git/<repository>?path=<path>&version=GB<branch>` apart.

        Raises:
            InputError: it is not such an address.
        """
        parts = urlsplit(url)
        match = _PATH.fullmatch(parts.path)
        if match is None:
            expected = f"https://{self.host}/organization/project/_git/repository?path=/file.yaml"
            raise not_understood(url, "Azure DevOps", expected)
        organization, project, name = match.groups()
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        # A project's main repository has the project's name, which its address then leaves out.
        owner = f"{decode_segments(url, organization)}/{decode_segments(url, project or name)}"
        return RepositoryUrl(
            url=parts._replace(fragment="").geturl(),
            owner=owner,
            name=decode_segments(url, name),
            ref=decode_segments(url, query["version"]) if query.get("version") else None,
            path=decode_segments(url, query.get("path", "")),
            prefix=f"{parts.scheme}://{parts.netloc}{parts.path}",
            suffix=f"?{parts.query}" if parts.query else "",
        )

    def url_of(self, location: RepositoryUrl, path: str) -> str:
        """Returns the address of another path of the same repository and ref; the path is in the query."""
        query = dict(parse_qsl(location.suffix.removeprefix("?")))
        query = {"path": f"/{path}", **{key: value for key, value in query.items() if key != "path"}}
        return f"{location.prefix}?{urlencode(query)}"

    def with_line(self, url: str, line_number: int) -> str:
        """Returns the address of a line of a file; the line is in the query."""
        lines = {"line": line_number, "lineEnd": line_number + 1, "lineStartColumn": 1, "lineEndColumn": 1}
        return f"{url}&{urlencode(lines)}"

    def repository_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a repository in the REST API, at the host of the location."""
        place = urlsplit(location.url)
        owner = "/".join(map(encode_segment, location.owner.split("/")))
        # Credentials go to this address: never in the clear to the public host, whatever somebody wrote.
        scheme = "https" if self.host == PUBLIC_HOST else place.scheme
        return f"{scheme}://{host_of(place)}/{owner}/_apis/git/repositories/{encode_segment(location.name)}"

    def file_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of a file's content in the REST API."""
        query = [_API_VERSION, ("path", f"/{location.path}"), *version_query(location.ref, "versionDescriptor.")]
        return f"{self.repository_api_url(location)}/items?{urlencode(query)}"

    def commits_api_url(self, location: RepositoryUrl) -> str:
        """Returns the address of the newest commit in the REST API."""
        version = version_query(location.ref, "searchCriteria.itemVersion.")
        query = [_API_VERSION, ("searchCriteria.$top", "1"), *version]
        return f"{self.repository_api_url(location)}/commits?{urlencode(query)}"

    def archive_url(self, location: RepositoryUrl, revision: str) -> str:
        """Returns the address of a commit's archive, a zip file, of the location's folder if it is one."""
        query = [
            ("recursionLevel", "full"),
            ("download", "true"),
            ("$format", "zip"),
            _API_VERSION,
            *([("scopePath", f"/{location.path}")] if location.path else []),
            *version_query(f"GC{revision}", "versionDescriptor."),
        ]
        return f"{self.repository_api_url(location)}/items?{urlencode(query)}"


def version_query(ref: str | None, prefix: str) -> list[tuple[str, str]]:
    """Returns the query that names a version.

    Args:
        ref: `GB<branch>`, `GT<tag>`, `GC<commit>` as in addresses; anything else is a branch.
        prefix: what the API puts before the names.
    """
    if not ref:
        return []
    kind = _KINDS.get(ref[:2])
    return [(f"{prefix}version", ref[2:] if kind else ref), (f"{prefix}versionType", kind or "branch")]

"""Reads from GitHub: through its REST API, or as raw files where there is no token."""

from __future__ import annotations

from collections.abc import Mapping

from understage.defaults.url_reader.repository_reader import ArchiveRequest, FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.integration import GithubCredentials, GithubIntegration, RepositoryUrl
from understage.integration.github import github_headers
from understage.integration.repository_url import encode_segment

_RAW = {"Accept": "application/vnd.github.raw+json"}
_SHA = {"Accept": "application/vnd.github.sha"}


class GithubHost:
    """A GitHub host.

    Args:
        integration: its addresses.
        credentials: its tokens.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(
        self,
        integration: GithubIntegration,
        credentials: GithubCredentials,
        transport: Transport,
        check: HopCheck,
    ) -> None:
        self.integration = integration
        self._credentials = credentials
        self._transport = transport
        self._check = check

    async def file(self, location: RepositoryUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads a file."""
        headers = await self._headers(location, token)
        raw = self.integration.raw_url(location)
        request = ReadRequest(
            raw if raw is not None and not headers else self.integration.file_api_url(location),
            self._check,
            _RAW,
            credentials=headers,
            name=location.url,
        )
        return await self._transport.fetch(conditions.on(request))

    async def revision(self, location: RepositoryUrl, token: str | None) -> str:
        """Returns the commit that the ref stands for."""
        url = f"{self.integration.repository_api_url(location)}/commits/{encode_segment(location.ref or 'HEAD')}"
        headers = await self._headers(location, token)
        request = ReadRequest(url, self._check, _SHA, headers, max_bytes=4096, name=location.url)
        return (await self._transport.fetch(request)).content.decode("ascii", "replace").strip()

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive of a commit is."""
        url = f"{self.integration.repository_api_url(location)}/tarball/{encode_segment(revision)}"
        headers = await self._headers(location, token)
        return ArchiveRequest(ReadRequest(url, self._check, credentials=headers))

    async def _headers(self, location: RepositoryUrl, token: str | None) -> Mapping[str, str]:
        return github_headers(token or await self._credentials.get_token(location.owner))

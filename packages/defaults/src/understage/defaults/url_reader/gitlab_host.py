"""Reads from GitLab."""

from __future__ import annotations

from urllib.parse import urlencode

from understage.defaults.url_reader.json_answers import fetch_json, text_at
from understage.defaults.url_reader.repository_reader import ArchiveRequest, FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.integration import GitlabIntegration, RepositoryUrl
from understage.integration.gitlab import gitlab_headers


class GitlabHost:
    """A GitLab host.

    Args:
        integration: its addresses and its token.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(self, integration: GitlabIntegration, transport: Transport, check: HopCheck) -> None:
        self.integration = integration
        self._transport = transport
        self._check = check

    async def file(self, location: RepositoryUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads a file."""
        request = ReadRequest(
            self.integration.file_api_url(location), self._check, credentials=self._headers(token), name=location.url
        )
        return await self._transport.fetch(conditions.on(request))

    async def revision(self, location: RepositoryUrl, token: str | None) -> str:
        """Returns the newest commit of the ref that touched the location's folder."""
        query = {"ref_name": location.ref or "HEAD", "per_page": "1"}
        if location.path:
            query["path"] = location.path
        url = f"{self.integration.project_api_url(location)}/repository/commits?{urlencode(query)}"
        request = ReadRequest(url, self._check, credentials=self._headers(token), name=location.url)
        return text_at(await fetch_json(self._transport, request), location.url, 0, "id")

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive is, of the location's folder only, with paths from the repository's root."""
        query = {"sha": revision}
        if location.path:
            query["path"] = location.path
        url = f"{self.integration.project_api_url(location)}/repository/archive.tar.gz?{urlencode(query)}"
        return ArchiveRequest(ReadRequest(url, self._check, credentials=self._headers(token)))

    def _headers(self, token: str | None) -> dict[str, str]:
        return dict(gitlab_headers(token or self.integration.config.token))

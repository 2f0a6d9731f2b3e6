"""Reads from Bitbucket Server."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from understage.defaults.url_reader.json_answers import fetch_json, text_at
from understage.defaults.url_reader.repository_reader import ArchiveRequest, FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.integration import BitbucketServerIntegration, RepositoryUrl
from understage.integration.host_credentials import bitbucket_server_headers


class BitbucketServerHost:
    """A Bitbucket Server host.

    Args:
        integration: its addresses and credentials.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(self, integration: BitbucketServerIntegration, transport: Transport, check: HopCheck) -> None:
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
        """Returns the newest commit of the ref, by default of the default branch."""
        query = {"limit": "1", **({"until": location.ref} if location.ref else {})}
        url = f"{self.integration.repository_api_url(location)}/commits?{urlencode(query)}"
        request = ReadRequest(url, self._check, credentials=self._headers(token), name=location.url)
        return text_at(await fetch_json(self._transport, request), location.url, "values", 0, "id")

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive of a commit is, of the location's folder only, with paths from the root."""
        url = self.integration.archive_url(location, revision)
        return ArchiveRequest(ReadRequest(url, self._check, credentials=self._headers(token)))

    def _headers(self, token: str | None) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else bitbucket_server_headers(self.integration.config)

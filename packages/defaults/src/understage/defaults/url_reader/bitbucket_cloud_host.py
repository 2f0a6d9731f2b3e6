"""Reads from Bitbucket Cloud."""

from __future__ import annotations

from collections.abc import Mapping

from understage.defaults.url_reader.json_answers import fetch_json, text_at
from understage.defaults.url_reader.repository_reader import ArchiveRequest, FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.integration import BitbucketCloudCredentials, BitbucketCloudIntegration, RepositoryUrl
from understage.integration.repository_url import encode_segment


class BitbucketCloudHost:
    """Bitbucket Cloud.

    Args:
        integration: its addresses.
        credentials: its credentials.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(
        self,
        integration: BitbucketCloudIntegration,
        credentials: BitbucketCloudCredentials,
        transport: Transport,
        check: HopCheck,
    ) -> None:
        self.integration = integration
        self._credentials = credentials
        self._transport = transport
        self._check = check

    async def file(self, location: RepositoryUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads a file."""
        request = ReadRequest(
            self.integration.file_api_url(location),
            self._check,
            credentials=await self._headers(token),
            name=location.url,
        )
        return await self._transport.fetch(conditions.on(request))

    async def revision(self, location: RepositoryUrl, token: str | None) -> str:
        """Returns the newest commit of the ref, by default of the main branch."""
        repository = self.integration.repository_api_url(location)
        headers = await self._headers(token)
        ref = location.ref
        if ref is None:
            request = ReadRequest(repository, self._check, credentials=headers, name=location.url)
            ref = text_at(await fetch_json(self._transport, request), location.url, "mainbranch", "name")
        url = f"{repository}/commits/{encode_segment(ref)}?pagelen=1"
        request = ReadRequest(url, self._check, credentials=headers, name=location.url)
        return text_at(await fetch_json(self._transport, request), location.url, "values", 0, "hash")

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive of a commit is."""
        url = self.integration.archive_url(location, revision)
        return ArchiveRequest(ReadRequest(url, self._check, credentials=await self._headers(token)))

    async def _headers(self, token: str | None) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else await self._credentials.get_headers()

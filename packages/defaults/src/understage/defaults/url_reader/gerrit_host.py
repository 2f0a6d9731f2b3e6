"""Reads from Gerrit, and trees from its Gitiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from understage.defaults.url_reader.base64_answers import decode_base64
from understage.defaults.url_reader.json_answers import fetch_json, text_at
from understage.defaults.url_reader.repository_reader import ArchiveRequest, FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.integration import GerritIntegration, RepositoryUrl
from understage.integration.host_credentials import gerrit_headers


class GerritHost:
    """A Gerrit host.

    Args:
        integration: its addresses and credentials.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(self, integration: GerritIntegration, transport: Transport, check: HopCheck) -> None:
        self.integration = integration
        self._transport = transport
        self._check = check

    async def file(self, location: RepositoryUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads a file, which comes as base64."""
        request = ReadRequest(
            self.integration.file_api_url(location), self._check, credentials=self._headers(token), name=location.url
        )
        # Base64 makes it longer by a third, and by its line ends.
        fetched = await self._transport.fetch(conditions.on(request, max_bytes=conditions.max_bytes * 2 + 4096))
        text = fetched.content.decode("ascii", "replace")
        return replace(fetched, content=decode_base64(text, location.url, conditions.max_bytes))

    async def revision(self, location: RepositoryUrl, token: str | None) -> str:
        """Returns the commit that the ref stands for."""
        url = self.integration.revision_api_url(location)
        request = ReadRequest(url, self._check, credentials=self._headers(token), name=location.url)
        answer = await fetch_json(self._transport, request)
        # A branch or tag tells its revision, a commit its own name.
        return text_at(
            answer, location.url, "revision" if isinstance(answer, dict) and "revision" in answer else "commit"
        )

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive of the location's folder is; its paths begin there."""
        url = self.integration.archive_url(location)
        request = ReadRequest(url, self._check, credentials=self._headers(token))
        return ArchiveRequest(request, strip_root=False, folder=location.path)

    def _headers(self, token: str | None) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else gerrit_headers(self.integration.config)

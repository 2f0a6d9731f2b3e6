"""Reads from Azure DevOps."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from understage.defaults.url_reader.json_answers import fetch_json, text_at
from understage.defaults.url_reader.repository_reader import ArchiveRequest, FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.errors import AuthenticationError
from understage.integration import AzureCredentials, AzureIntegration, RepositoryUrl

_RAW = {"Accept": "application/octet-stream"}


class AzureHost:
    """An Azure DevOps host.

    Args:
        integration: its addresses.
        credentials: its credentials.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(
        self, integration: AzureIntegration, credentials: AzureCredentials, transport: Transport, check: HopCheck
    ) -> None:
        self.integration = integration
        self._credentials = credentials
        self._transport = transport
        self._check = check

    async def file(self, location: RepositoryUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads a file.

        Raises:
            AuthenticationError: the host answers with its sign-in page.
        """
        request = ReadRequest(
            self.integration.file_api_url(location),
            self._check,
            _RAW,
            credentials=await self._headers(location, token),
            name=location.url,
        )
        fetched = await self._transport.fetch(conditions.on(request))
        # Instead of refusing, Azure answers those whom it does not know with a page for people.
        if fetched.headers.get("content-type", "").startswith("text/html") and not location.path.endswith(
            (".html", ".htm")
        ):
            raise AuthenticationError(f"{location.url} could not be read: Azure DevOps asks to sign in")
        return fetched

    async def revision(self, location: RepositoryUrl, token: str | None) -> str:
        """Returns the newest commit of the ref, by default of the default branch."""
        headers = await self._headers(location, token)
        request = ReadRequest(
            self.integration.commits_api_url(location), self._check, credentials=headers, name=location.url
        )
        return text_at(await fetch_json(self._transport, request), location.url, "value", 0, "commitId")

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive of the location's folder is; its paths begin with that folder's name."""
        url = self.integration.archive_url(location, revision)
        headers = {"Accept": "application/zip"}
        credentials = await self._headers(location, token)
        folder = location.path
        return ArchiveRequest(
            ReadRequest(url, self._check, headers, credentials),
            strip_root=bool(posixpath.basename(folder)),
            folder=folder,
        )

    async def _headers(self, location: RepositoryUrl, token: str | None) -> Mapping[str, str]:
        if token:
            return {"Authorization": f"Bearer {token}"}
        return await self._credentials.get_headers(location.owner.partition("/")[0])

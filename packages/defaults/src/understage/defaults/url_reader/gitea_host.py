"""Reads from Gitea and Forgejo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import msgspec

from understage.defaults.url_reader.base64_answers import decode_base64
from understage.defaults.url_reader.json_answers import fetch_json, text_at
from understage.defaults.url_reader.repository_reader import ArchiveRequest, FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.errors import InputError, UnderstageError
from understage.integration import GiteaIntegration, RepositoryUrl
from understage.integration.host_credentials import gitea_headers
from understage.integration.repository_url import encode_segment


class _File(msgspec.Struct):
    encoding: Literal["base64"]
    content: str


class GiteaHost:
    """A Gitea host.

    Args:
        integration: its addresses and credentials.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(self, integration: GiteaIntegration, transport: Transport, check: HopCheck) -> None:
        self.integration = integration
        self._transport = transport
        self._check = check

    async def file(self, location: RepositoryUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads a file, which comes as base64 within JSON.

        Raises:
            InputError: the address is that of a folder.
        """
        request = ReadRequest(
            self.integration.file_api_url(location), self._check, credentials=self._headers(token), name=location.url
        )
        # The content grows by a third, and the description takes its place.
        fetched = await self._transport.fetch(conditions.on(request, max_bytes=conditions.max_bytes * 2 + 65536))
        try:
            answer = msgspec.json.decode(fetched.content, type=_File)
        except msgspec.ValidationError:
            # Of a folder the host tells what is in it.
            raise InputError(f"{location.url} is not the address of a file") from None
        except msgspec.DecodeError as error:
            raise UnderstageError(f"{location.url} could not be read: the host did not answer JSON") from error
        return replace(fetched, content=decode_base64(answer.content, location.url, conditions.max_bytes))

    async def revision(self, location: RepositoryUrl, token: str | None) -> str:
        """Returns the newest commit of the ref, by default of the default branch."""
        ref = encode_segment(location.ref or "HEAD")
        url = f"{self.integration.repository_api_url(location)}/git/commits/{ref}"
        request = ReadRequest(url, self._check, credentials=self._headers(token), name=location.url)
        return text_at(await fetch_json(self._transport, request), location.url, "sha")

    async def archive(self, location: RepositoryUrl, revision: str, token: str | None) -> ArchiveRequest:
        """Returns where the archive of a commit is."""
        url = f"{self.integration.repository_api_url(location)}/archive/{encode_segment(revision)}.tar.gz"
        return ArchiveRequest(ReadRequest(url, self._check, credentials=self._headers(token)))

    def _headers(self, token: str | None) -> Mapping[str, str]:
        return {"Authorization": f"token {token}"} if token else gitea_headers(self.integration.config)

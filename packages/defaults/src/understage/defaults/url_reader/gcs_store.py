"""Reads from Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from understage.defaults.url_reader.json_answers import fetch_json
from understage.defaults.url_reader.object_reader import StoredObject
from understage.defaults.url_reader.repository_reader import FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.errors import InputError, UnderstageError
from understage.integration import GoogleCredentials, GoogleGcsIntegration, ObjectUrl


class GcsStore:
    """Google Cloud Storage.

    Args:
        integration: its addresses.
        credentials: its credentials.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(
        self,
        integration: GoogleGcsIntegration,
        credentials: GoogleCredentials,
        transport: Transport,
        check: HopCheck,
    ) -> None:
        self._integration = integration
        self._credentials = credentials
        self._transport = transport
        self._check = check

    def parse(self, url: str) -> ObjectUrl:
        """Takes an address apart."""
        return self._integration.parse_object_url(url)

    async def get(self, location: ObjectUrl, conditions: FileConditions, token: str | None) -> Fetched:
        """Reads an object."""
        request = ReadRequest(
            f"{location.bucket_url}/o/{quote(location.key, safe='')}?alt=media",
            self._check,
            credentials=await self._headers(token),
            name=location.url_of(location.key),
        )
        return await self._transport.fetch(conditions.on(request))

    async def list(self, location: ObjectUrl, prefix: str, limit: int, token: str | None) -> Sequence[StoredObject]:
        """Lists the objects whose keys begin with a prefix, sorted by key."""
        objects: list[StoredObject] = []
        name = location.url_of(prefix)
        query = {"prefix": prefix, "fields": "items(name,size,etag,updated),nextPageToken"}
        while True:
            url = f"{location.bucket_url}/o?{urlencode(query)}"
            request = ReadRequest(url, self._check, credentials=await self._headers(token), name=name)
            answer = await fetch_json(self._transport, request)
            try:
                objects += [_object(item) for item in answer.get("items", [])]
                page = answer.get("nextPageToken")
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise UnderstageError(f"{name} could not be listed: the store's answer has another shape") from error
            if len(objects) > limit:
                raise InputError(f"{name} has more than {limit} objects")
            if not page:
                return objects
            query["pageToken"] = str(page)

    async def _headers(self, token: str | None) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else await self._credentials.get_headers()


def _object(item: Mapping[str, Any]) -> StoredObject:
    updated = item.get("updated")
    return StoredObject(
        key=str(item["name"]),
        size=int(item.get("size", 0)),
        etag=str(item.get("etag", "")),
        last_modified_at=datetime.fromisoformat(updated) if isinstance(updated, str) else None,
    )

"""Reads from S3, and from stores that speak its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree

from understage.defaults.url_reader.object_reader import StoredObject
from understage.defaults.url_reader.repository_reader import FileConditions
from understage.defaults.url_reader.transport import Fetched, HopCheck, ReadRequest, Transport
from understage.errors import InputError, UnderstageError, UnsupportedOperationError
from understage.integration import AwsCredentials, AwsS3Integration, ObjectUrl
from understage.integration.aws_signature import sign_get

_NAMESPACE: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class S3Store:
    """An S3 store.

    Args:
        integration: its addresses.
        credentials: its keys.
        transport: makes the requests.
        check: checks their hops.
    """

    def __init__(
        self, integration: AwsS3Integration, credentials: AwsCredentials, transport: Transport, check: HopCheck
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
        url = location.object_url(location.key)
        request = ReadRequest(
            url, self._check, credentials=await self._sign(url, location, token), name=location.url_of(location.key)
        )
        return await self._transport.fetch(conditions.on(request))

    async def list(self, location: ObjectUrl, prefix: str, limit: int, token: str | None) -> Sequence[StoredObject]:
        """Lists the objects whose keys begin with a prefix, sorted by key."""
        objects: list[StoredObject] = []
        continuation = ""
        while True:
            more = f"continuation-token={quote(continuation, safe='')}&" if continuation else ""
            # The query is signed, and its names have to be in this order.
            url = f"{location.bucket_url}/?{more}list-type=2&prefix={quote(prefix, safe='')}"
            credentials = await self._sign(url, location, token)
            name = location.url_of(prefix)
            fetched = await self._transport.fetch(ReadRequest(url, self._check, credentials=credentials, name=name))
            page, continuation = await asyncio.to_thread(_parse_listing, fetched.content, name)
            objects += page
            if len(objects) > limit:
                raise InputError(f"{name} has more than {limit} objects")
            if not continuation:
                return objects

    async def _sign(self, url: str, location: ObjectUrl, token: str | None) -> Mapping[str, str]:
        if token:
            raise UnsupportedOperationError("S3 takes signatures, not tokens; configure 'integrations.awsS3'")
        keys = await self._credentials.get_keys()
        return {} if keys is None else sign_get(url, keys, location.region, datetime.now(UTC))


def _parse_listing(content: bytes, name: str) -> tuple[list[StoredObject], str]:
    try:
        # The answer is of a configured store, and expat refuses entities that grow.
        root = ElementTree.fromstring(content)  # noqa: S314 - expat bounds what it expands
    except ElementTree.ParseError as error:
        raise UnderstageError(f"{name} could not be listed: the store did not answer XML", error) from error
    space = _NAMESPACE if root.tag.startswith(_NAMESPACE) else ""
    objects = [
        StoredObject(
            key=item.findtext(f"{space}Key", ""),
            size=int(item.findtext(f"{space}Size", "0")),
            etag=item.findtext(f"{space}ETag", ""),
            last_modified_at=_moment(item.findtext(f"{space}LastModified", "")),
        )
        for item in root.iter(f"{space}Contents")
    ]
    return objects, root.findtext(f"{space}NextContinuationToken", "")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None

"""Reads entities from addresses."""

from __future__ import annotations

import asyncio
from typing import Any

from understage.catalog.reading.entity_data import emit_entity_data, parse_entity_data, parser_version
from understage.catalog.reading.remembered_reads import RememberedReads
from understage.catalog.reading.shared_reads import ReadFiles
from understage.catalog_api import CatalogProcessor, Emit, EntityDataParser, LocationRef, ProcessorCache
from understage.errors import NotFoundError, NotModifiedError


class UrlReaderProcessor(CatalogProcessor):
    """Reads locations of the type `url`: YAML files of several documents, by address or by a pattern with `*`.

    What has been read is remembered by its etag, so that hosts send only what has changed.

    Args:
        reads: reads addresses.
        parser: understands the files.
    """

    def __init__(self, reads: RememberedReads, parser: EntityDataParser = parse_entity_data) -> None:
        self._reads = reads
        self._parser = parser
        # Threads that parse keep each other and the event loop from running, so one at a time is fastest for all.
        self._parsing = asyncio.Lock()

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "url-reader"

    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        """Emits the entities of all documents of all files; broken documents are emitted as errors of their own."""
        if location.type != "url":
            return False
        url = location.target
        known = self._known(cache.get(url))
        emit.refresh(f"url:{url}")
        try:
            read = await self._reads.read(url, known)
        except NotModifiedError:
            cache.set(url, {"etag": known, "parser": parser_version(self._parser)})
            emit.unchanged()
            return True
        except Exception as error:
            # What comes next is new, whatever its etag: only a run that reads all targets drops what is gone from them.
            cache.set(url, None)
            if not isinstance(error, NotFoundError):
                raise
            read = ReadFiles((), None)
        if not read.files and not optional:
            cache.set(url, None)
            raise NotFoundError(f"Unable to read url, no matching files found for {url}")
        await self._emit(read, emit)
        cache.set(url, {"etag": read.etag, "parser": parser_version(self._parser)} if read.etag else None)
        return True

    def _known(self, memory: Any) -> str | None:
        """Returns the etag of what was read last, if it would be understood in the same way today."""
        if not isinstance(memory, dict) or memory.get("parser") != parser_version(self._parser):
            return None
        etag: str | None = memory.get("etag")
        return etag

    async def _emit(self, read: ReadFiles, emit: Emit) -> None:
        async with self._parsing:
            for url, content in read.files:
                await asyncio.to_thread(emit_entity_data, content, LocationRef("url", url), self._parser, emit)

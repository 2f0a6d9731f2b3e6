"""Reads entities from files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from understage.catalog.processing.content_hash import text_hash
from understage.catalog.reading.entity_data import emit_entity_data, parse_entity_data, parser_version
from understage.catalog.reading.globs import expand_target
from understage.catalog.reading.shared_reads import MAX_FILE_BYTES
from understage.catalog_api import CatalogProcessor, Emit, EntityDataParser, LocationRef, ProcessorCache
from understage.errors import InputError, NotFoundError


class FileReaderProcessor(CatalogProcessor):
    """Reads locations of the type `file`: YAML files of several documents, by path or glob.

    Args:
        parser: understands the files.
    """

    def __init__(self, parser: EntityDataParser = parse_entity_data) -> None:
        self._parser = parser
        # Threads that parse keep each other and the event loop from running, so one at a time is fastest for all.
        self._parsing = asyncio.Lock()

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "FileReaderProcessor"

    async def read_location(self, location: LocationRef, *, optional: bool, emit: Emit, cache: ProcessorCache) -> bool:
        """Emits the entities of all documents of all files; broken documents are emitted as errors of their own."""
        if location.type != "file":
            return False
        try:
            contents = await asyncio.to_thread(_read_files, location.target)
        except (InputError, NotFoundError) as error:
            cache.set(location.target, None)
            if optional and isinstance(error, NotFoundError):
                return True
            raise
        for file in contents:
            emit.refresh(f"file:{file}")
        digests = {file: text_hash(content) for file, content in contents.items()}
        digests["reader"] = parser_version(self._parser)
        if cache.get(location.target) == digests:
            cache.set(location.target, digests)
            emit.unchanged()
            return True
        async with self._parsing:
            for file, content in contents.items():
                await asyncio.to_thread(emit_entity_data, content, LocationRef("file", file), self._parser, emit)
        cache.set(location.target, digests)
        return True


def _read_files(target: str) -> dict[str, bytes]:
    if target.endswith(("/", "\\")):
        raise InputError(f"file {target} is no file: a target must not end with a separator; name a file or a glob")
    files = expand_target(target)
    if not files:
        raise NotFoundError(f"file {target} does not exist")
    return {file: _read_file(file) for file in files}


def _read_file(file: str) -> bytes:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"file {file} could not be read: {error.strerror or error}") from error
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"file {file} is too large: at most {MAX_FILE_BYTES} bytes are read")
    return content

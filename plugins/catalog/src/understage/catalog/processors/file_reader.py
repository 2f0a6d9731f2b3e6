"""Reads entities from files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from understage.catalog.model.envelope import check_envelope
from understage.catalog.model.schema_errors import SchemaViolationError
from understage.catalog.processing.content_hash import text_hash
from understage.catalog.reading.globs import expand_target
from understage.catalog_api import CatalogProcessor, Emit, LocationRef, ProcessorCache
from understage.errors import InputError, NotFoundError

READER_VERSION = "1"


class FileReaderProcessor(CatalogProcessor):
    """Reads locations of the type `file`: YAML files of several documents, by path or glob."""

    def __init__(self) -> None:
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
            texts = await asyncio.to_thread(_read_files, location.target)
        except (InputError, NotFoundError) as error:
            cache.set(location.target, None)
            if optional and isinstance(error, NotFoundError):
                return True
            raise
        digests = {file: text_hash(text) for file, text in texts.items()}
        digests["reader"] = READER_VERSION
        if cache.get(location.target) == digests:
            cache.set(location.target, digests)
            emit.unchanged()
            return True
        async with self._parsing:
            for file, text in texts.items():
                await asyncio.to_thread(_emit_documents, file, text, emit)
        cache.set(location.target, digests)
        return True


def _read_files(target: str) -> dict[str, str]:
    if target.endswith(("/", "\\")):
        raise InputError(f"file {target} is no file: a target must not end with a separator; name a file or a glob")
    files = expand_target(target)
    if not files:
        raise NotFoundError(f"file {target} does not exist")
    return {file: _read_text(file) for file in files}


def _read_text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"file {file} could not be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"file {file} could not be read: it is not UTF-8 at byte {error.start}") from error


def _emit_documents(file: str, text: str, emit: Emit) -> None:
    from understage.catalog.reading.yaml_documents import read_documents

    location = LocationRef("file", file)
    for document in read_documents(text, file):
        if document.error is not None:
            emit.document_error(document.error)
            continue
        try:
            check_envelope(document.value)
        except SchemaViolationError as error:
            emit.document_error(InputError(f"{file}:{document.line}: document {document.index}", error))
        else:
            emit.entity(document.value, location=location)

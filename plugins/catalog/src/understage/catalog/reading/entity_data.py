"""From the bytes of a file to entities."""

from __future__ import annotations

from collections.abc import Iterator

from understage.catalog.model.envelope import check_envelope
from understage.catalog_api import Emit, EntityDataParser, EntityJson, LocationRef
from understage.catalog_api.schema_errors import SchemaViolationError
from understage.errors import InputError


def parse_entity_data(data: bytes, location: LocationRef) -> Iterator[EntityJson | Exception]:
    """Yields the entities of a YAML file, and errors in place of documents that hold none.

    Takes some time: call it in a thread.

    Args:
        data: the file.
        location: where it is.
    """
    from understage.catalog.reading.yaml_documents import YamlDocumentError, read_documents

    file = location.target
    try:
        documents = read_documents(data.decode("utf-8"), file)
    except UnicodeDecodeError as error:
        yield InputError(f"{location.type} {file} could not be read: it is not UTF-8 at byte {error.start}")
        return
    except YamlDocumentError as error:
        yield error
        return
    for document in documents:
        if document.error is not None:
            yield document.error
            continue
        try:
            check_envelope(document.value)
        except SchemaViolationError as error:
            yield InputError(f"{file}:{document.line}: document {document.index}", error)
        else:
            yield document.value


def emit_entity_data(data: bytes, location: LocationRef, parser: EntityDataParser, emit: Emit) -> None:
    """Emits what a file holds: entities, and errors of single documents.

    Args:
        data: the file.
        location: where it is.
        parser: understands it.
        emit: takes what is found.
    """
    for found in parser(data, location):
        if isinstance(found, Exception):
            emit.document_error(found)
        else:
            emit.entity(found, location=location)


def parser_version(parser: EntityDataParser) -> str:
    """Returns a text that changes when another parser is used, so that known files are parsed anew."""
    name = getattr(parser, "__qualname__", type(parser).__qualname__)
    return f"2:{parser.__module__}.{name}"

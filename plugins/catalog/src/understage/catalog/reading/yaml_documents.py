"""YAML 1.2 files of several documents, each read for itself so that a broken one leaves the others alone.

Only the core schema of YAML 1.2 gives plain scalars a type: `yes`, `on` and dates are text, `<<` is a key like any
other. Values are those of JSON. Import this module lazily: PyYAML takes tens of milliseconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from understage.catalog.reading.plain_yaml import PlainReader
from understage.errors import InputError

if TYPE_CHECKING:
    from yaml import SafeLoader as _BaseLoader
else:
    # Without libyaml, PyYAML is slower but the same.
    _BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_TEXT_CHARACTERS = 10_000_000
MAX_VALUES = 200_000
MAX_DEPTH = 100

_DOCUMENT_START = re.compile(r"\n---(?=[ \t\r\n]|\Z)")
_PLAIN, _QUOTED = "plain", "quoted"
_STANDARD = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_OTHER_BASE = re.compile(r"(?:0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_NUMBER_START = frozenset("-+.0123456789")
_WORD_START = frozenset("~nNtTfF")
_CONSTANTS: dict[str, bool | None] = dict.fromkeys(("~", "null", "Null", "NULL", ""))
_CONSTANTS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_NO_NUMBER = frozenset(
    sign + word for word in (".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN") for sign in ("", "+", "-")
)
_LARGEST_INTEGER = 2**63
_LONGEST_INTEGER = 1000
"""So many digits are read as an integer; Python refuses thousands, and they are a float anyway."""


class YamlDocumentError(InputError):
    """A document is not valid YAML, or holds what JSON cannot hold."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file.

    Attributes:
        index: its place in the file, from 0, empty documents counted.
        line: the line on which it starts, from 1.
        value: its content, or None when `error` says why there is none.
        error: what is wrong with it.
    """

    index: int
    line: int
    value: Any
    error: YamlDocumentError | None = None


def read_documents(text: str, file: str) -> list[Document]:
    """Reads all documents of a file, leaving out empty ones.

    Args:
        text: the file's text.
        file: its name, for errors.

    Raises:
        YamlDocumentError: the file is too large to be read at all.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise YamlDocumentError(f"{file} is too large: {len(text)} characters, at most {MAX_TEXT_CHARACTERS} are read")
    documents: list[Document] = []
    index = 0
    plain = PlainReader(typed)
    for line, part in _parts(text.removeprefix("\ufeff")):
        # Each value takes a character at least, so the values of a short document need no counting.
        found = plain.read(part) if len(part) <= MAX_VALUES else None
        if found is not None:
            documents.append(Document(index, line + found.line, found.value))
            index += 1
            continue
        for document in _read_part(part, file, index, line):
            index = document.index + 1
            if document.value is not None or document.error is not None:
                documents.append(document)
    return documents


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yields line and text of what lies between document markers; a marker at the start of a line is never content."""
    starts = [0, *(match.start() + 1 for match in _DOCUMENT_START.finditer(text))]
    if text.startswith("%") or "\n%" in text:
        starts = [0]  # a directive belongs to the document after it: such a file is read as one
    line = 1
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        if start > 0 or part.strip():
            yield line, part
        line += part.count("\n")


def _read_part(text: str, file: str, index: int, line: int) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node: Any = loader.get_node()
            start = line + node.start_mark.line
            try:
                value = _Builder(file, index, line).build(node, 0)
            except YamlDocumentError as error:
                yield Document(index, start, None, error)
            else:
                yield Document(index, start, value)
            index += 1
    except yaml.YAMLError as error:
        yield Document(index, line, None, _syntax_error(error, file, index, line))
    finally:
        loader.dispose()


class _Loader(_BaseLoader):
    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        # Types are decided while the value is built, where a set of first characters spares most regular expressions.
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _QUOTED


class _Builder:
    def __init__(self, file: str, index: int, line: int) -> None:
        self._file = file
        self._index = index
        self._line = line
        self._count = 0

    def build(self, node: yaml.Node, depth: int) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            raise self._error(node, f"more than {MAX_VALUES} values, aliases counted each time")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if depth >= MAX_DEPTH:
            raise self._error(node, f"nested more than {MAX_DEPTH} deep, or an alias that contains itself")
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        return self._mapping(node, depth + 1)

    def _mapping(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be a text, not a list or an object")
            key: str = key_node.value
            if key in mapping:
                raise self._error(key_node, f"the key '{key}' is here twice in one object; remove one of them")
            mapping[key] = self.build(value_node, depth)
        return mapping

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        tag: str = node.tag
        if tag == _PLAIN:
            return typed(text)
        if tag == _QUOTED or tag in ("!", _STANDARD + "str"):
            return text
        if tag.startswith(_STANDARD) and tag.removeprefix(_STANDARD) in ("int", "float", "bool", "null"):
            return typed(text)
        raise self._error(node, f"the tag {tag.replace(_STANDARD, '!!')} has no meaning in an entity; remove it")

    def _error(self, node: yaml.Node, problem: str) -> YamlDocumentError:
        mark = node.start_mark
        return _document_error(self._file, self._index, self._line + mark.line, mark.column + 1, problem)


def typed(text: str) -> Any:
    """Returns the value of a plain scalar: null, a truth value, a number or a text."""
    if not text or text[0] in _WORD_START:
        return _CONSTANTS.get(text, text)
    if text[0] not in _NUMBER_START:
        return text
    if len(text) <= _LONGEST_INTEGER and _INTEGER.match(text):
        return _integer(int(text))
    if _FLOAT.match(text):
        return _float(text)
    if _OTHER_BASE.match(text):
        return _integer(int(text, 0))
    return None if text in _NO_NUMBER else text


def _integer(number: int) -> int | float | None:
    if -_LARGEST_INTEGER <= number < _LARGEST_INTEGER:
        return number
    try:
        return float(number)
    except OverflowError:
        return None  # as JSON writes what is infinite


def _float(text: str) -> float | None:
    number = float(text)
    return None if math.isinf(number) else number


def _syntax_error(error: yaml.YAMLError, file: str, index: int, line: int) -> YamlDocumentError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    context = getattr(error, "context", None)
    text = f"{problem} ({context})" if context else problem
    if mark is None:
        return _document_error(file, index, line, 1, text)
    return _document_error(file, index, line + mark.line, mark.column + 1, text)


def _document_error(file: str, index: int, line: int, column: int, problem: str) -> YamlDocumentError:
    return YamlDocumentError(f"YAML error at {file}:{line}:{column} in document {index}: {problem}")

"""Reads plain YAML documents, as nearly all entities are written, in a third of the time that a whole parser takes.

Plain is: an object of objects and lists, line by line, with values that end on their line or are blocks of literal
text, as definitions of APIs are. What is plain is decided strictly, and whatever is not, or looks wrong, is left to the
parser, which also knows how to say what is wrong. So this module does not decide whether a document is valid; it must
only never read one otherwise than the parser does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

MAX_PLAIN_DEPTH = 50

# What a YAML stream must not hold, what breaks a line in YAML only, and tabs, which are allowed in few places.
_UNUSUAL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# Folded and unusual blocks, anchors, aliases and tags: looked for first, so that a document is not read in vain up to
# there.
_NEVER_PLAIN = re.compile(r": (?:[>&*!]|\|(?!-?\n))")
_BLOCK_HEADS = (": |", ": |-")
_HEAD = re.compile(r"( *)(- +)?([A-Za-z0-9_$](?:[A-Za-z0-9_./@+$-]|:(?=[A-Za-z0-9_])){0,200})")
_TEXT = (
    r"(?:[A-Za-z0-9_/.+~(<$=\xa0-\U0010ffff]|-(?=[A-Za-z0-9.]))"
    r"[^:#]*(?:(?::(?=[^ ])|(?<=[^ ])#)[^:#]*)*(?<! )"
)
_QUOTED = r'"[^"\\]*(?:\\["\\nrt][^"\\]*)*"' r"|'[^']*(?:''[^']*)*'"
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_./@+-]*"
_FLOW = rf"\[(?: *{_WORD}(?: *, *{_WORD})*)? *\]|{{ *}}"
# Nothing is taken back once it has matched (`+`): many spaces in a row must not be tried in all divisions.
_VALUE = re.compile(rf" *+({_TEXT}|{_QUOTED}|{_FLOW})?+ *+(?:(?<![^ ])#.*)?")
_IGNORED = re.compile(r" *+(?:#.*)?")


class PlainDocument(NamedTuple):
    """A document that was plain.

    Attributes:
        line: the line of its first key, from 0.
        value: its content.
    """

    line: int
    value: dict[str, Any]


_Head = tuple[int, int, str | None]
"""What a line has before its value: where its list or object is, where the object is that starts after a dash or 0, and
the key or None.

A place is twice the column, and one more for a list, since the dashes of a list may stand below the key of the object
that it is in: so what is further to the right is always further inside.
"""
_COMMENT = -1  # the place of what is no head at all


class _NotPlainError(Exception):
    pass


_MARK = "\0"  # is in no text that is read
_SPECIAL = frozenset("[{\"'-+.0123456789~nNtTfF")
_UNKNOWN: Any = object()
_OPEN: Any = object()  # the value of a key, if any, is on the next lines


class PlainReader:
    """Reads the plain documents of one file; remembers its keys and values, as most are there many times.

    Args:
        typed: gives a plain scalar its value.
    """

    def __init__(self, typed: Callable[[str], Any]) -> None:
        self._typed = typed
        self._heads: dict[str, _Head] = {}
        self._values: dict[str, Any] = {}
        self._blocks: list[str] = []

    def read(self, text: str) -> PlainDocument | None:
        """Returns the only document of a text, or None if it is not plain, which does not mean that it is valid."""
        text = text.replace("\r\n", "\n")
        if _UNUSUAL.search(text) or _NEVER_PLAIN.search(text):
            return None
        lines = text.split("\n")
        first = 1 if lines[0] == "---" else 0
        while first < len(lines) and _IGNORED.fullmatch(lines[first]):
            first += 1
        try:
            lines = lines[first:]
            if ": |" in text:
                lines = self._without_blocks(lines)
            value = self._object(lines)
        except _NotPlainError:
            return None
        return PlainDocument(first, value) if value else None

    def _object(self, lines: list[str]) -> dict[str, Any]:
        # Nearly all time of an ingestion's reading is spent here, hence one long loop without calls.
        heads, values = self._heads, self._values
        root: dict[str, Any] = {}
        here: Any = root  # the object or list that is being filled
        depth = 0  # how far to the right it is, see _Head
        around: list[tuple[Any, int]] = []  # what it is in
        open_key: str | None = None  # the key of the last line, if its value may be on the next ones
        for line in lines:
            start, separator, end = line.partition(": ")
            if separator:
                head = heads.get(start) or self._head(start)
            elif line[-1:] == ":":
                head = heads.get(line[:-1]) or self._head(line[:-1])
            else:
                start, separator, end = line.partition("- ")
                if separator and not start.strip(" "):
                    head = (2 * len(start) + 1, 0, None)
                elif _IGNORED.fullmatch(line):
                    continue
                else:
                    raise _NotPlainError
            place, key_place, key = head
            if place > depth:
                if open_key is None or len(around) > MAX_PLAIN_DEPTH:
                    raise _NotPlainError
                around.append((here, depth))
                new: Any = [] if place & 1 else {}
                here[open_key] = new
                here, depth = new, place
            elif place < depth:
                if place == _COMMENT:
                    continue
                while depth > place:
                    here, depth = around.pop()
                if depth != place:
                    raise _NotPlainError
            if key_place:
                around.append((here, depth))
                new = {}
                here.append(new)
                here, depth = new, key_place
            value = values.get(end, _UNKNOWN)
            if value is _UNKNOWN:
                value = self._value(end)
            if key is None:
                if value is _OPEN:
                    raise _NotPlainError
                here.append(value)
            elif key in here:
                raise _NotPlainError  # the parser says where
            elif value is _OPEN:
                here[key], open_key = None, key
                continue
            else:
                here[key] = value
            open_key = None
        return root

    def _without_blocks(self, lines: list[str]) -> list[str]:
        """Returns the lines with a mark in place of each block of text; `_blocks` holds the texts."""
        self._blocks = []
        kept: list[str] = []
        at = 0
        while at < len(lines):
            line = lines[at]
            at += 1
            if line.endswith(_BLOCK_HEADS):
                start, _, style = line.rpartition(": ")
                place, key_place, key = self._heads.get(start) or self._head(start)
                if key is not None:
                    at, text = _read_block(lines, at, (key_place or place) // 2)
                    line = f"{start}: {_MARK}{len(self._blocks)}"
                    self._blocks.append(text if style == "|-" else text + "\n")
            kept.append(line)
        return kept

    def _value(self, text: str) -> Any:
        if text.startswith(_MARK):
            return self._blocks[int(text[1:])]
        found = _VALUE.fullmatch(text)
        if found is None:
            raise _NotPlainError
        value: Any = found[1]
        if value is None:
            value = _OPEN
        elif (first := value[0]) not in _SPECIAL:
            pass
        elif first == "[":
            return [self._typed(word) for word in value[1:-1].replace(" ", "").split(",") if word]
        elif first == "{":
            return {}
        elif first == '"':
            value = msgspec.json.decode(value) if "\\" in value else value[1:-1]
        elif first == "'":
            value = value[1:-1].replace("''", "'")
        else:
            value = self._typed(value)
        self._values[text] = value
        return value

    def _head(self, text: str) -> _Head:
        found = _HEAD.fullmatch(text)
        if found is not None:
            indent, dash, key = found.groups()
            head = (2 * len(indent) + 1, 2 * len(indent + dash), key) if dash else (2 * len(indent), 0, key)
        elif text.lstrip(" ").startswith("#"):
            head = (_COMMENT, 0, None)
        else:
            raise _NotPlainError
        self._heads[text] = head
        return head


def _read_block(lines: list[str], at: int, column: int) -> tuple[int, str]:
    """Returns the line after a block of text, and the text without the end of its last line.

    Args:
        lines: all lines.
        at: the block's first line.
        column: where the key of the block is.
    """
    first = lines[at] if at < len(lines) else ""
    indent = len(first) - len(first.lstrip(" "))
    if not column < indent < len(first):
        raise _NotPlainError
    margin = " " * indent
    content: list[str] = []
    while at < len(lines):
        line = lines[at]
        if line.startswith(margin):
            if line.isspace() and len(line) > indent:
                raise _NotPlainError
            content.append(line[indent:])
        elif not line.strip(" "):
            content.append("")
        else:
            break
        at += 1
    if at == len(lines) and lines[-1]:
        raise _NotPlainError  # the file ends before the line does
    while not content[-1]:
        content.pop()
    return at, "\n".join(content)

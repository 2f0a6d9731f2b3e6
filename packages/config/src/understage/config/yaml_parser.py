"""YAML 1.2 with positions, through libyaml.

Only the core schema of YAML 1.2 gives plain scalars a type, as the parser of Backstage does: `yes`, `on` and dates are
text, and `<<` is a key like any other. Import this module lazily: PyYAML takes tens of milliseconds.
"""

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from understage.config.errors import ConfigSourceError
from understage.config.location import SourceLocation
from understage.config.node import Node

if TYPE_CHECKING:
    from yaml import SafeLoader as _BaseLoader
else:
    # Without libyaml, PyYAML is slower but the same.
    _BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PREFIX = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _STR = (_PREFIX + name for name in ("null", "bool", "int", "float", "str"))

_NUMBER_START = list("-+.0123456789")
_CORE_SCHEMA = (
    (_NULL, r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    (_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    (_INT, r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", _NUMBER_START),
    (
        _FLOAT,
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        _NUMBER_START,
    ),
)


class _Loader(_BaseLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - it shadows PyYAML's own, which reads YAML 1.1


for _tag, _pattern, _first in _CORE_SCHEMA:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def parse_yaml(text: str, file: str) -> Node | None:
    """Parses one YAML document.

    Args:
        text: the document.
        file: its name in locations and errors.

    Returns:
        The tree, or None if the document is empty.

    Raises:
        ConfigSourceError: it is not valid YAML, has a key twice, or holds something that JSON cannot hold.
    """
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, file) from None
    return None if root is None else _Builder(file).build(root)


def parse_json(text: str, file: str) -> Node | None:
    """Parses a JSON document; the same contract as `parse_yaml`."""
    from understage.config.node import from_plain

    try:
        value = json.loads(text)
    except ValueError as error:
        line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
        raise ConfigSourceError(f"not valid JSON: {error}", location=SourceLocation(file, line, column)) from None
    try:
        return parse_yaml(text, file)
    except ConfigSourceError:
        # JSON that YAML does not take (surrogate escapes, a key twice): the values count, positions are a courtesy.
        return from_plain(value, SourceLocation(file))


class _Builder:
    def __init__(self, file: str) -> None:
        self._file = file
        self._open: set[int] = set()

    def build(self, node: yaml.Node) -> Node:
        location = self._location(node)
        if isinstance(node, yaml.ScalarNode):
            return Node(self._scalar(node), location)
        if id(node) in self._open:
            raise ConfigSourceError("an alias must not contain itself", location=location)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return Node(self._members(node), location)
            return Node([self.build(item) for item in node.value], location)
        finally:
            self._open.discard(id(node))

    def _location(self, node: yaml.Node) -> SourceLocation:
        mark = node.start_mark
        return SourceLocation(self._file, mark.line + 1, mark.column + 1)

    def _members(self, node: yaml.MappingNode) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigSourceError("a key must be a text", location=self._location(key_node))
            key: str = key_node.value
            if key in members:
                message = f"the key {key!r} is here twice in one object; remove one of them"
                raise ConfigSourceError(message, location=self._location(key_node))
            value = self.build(value_node)
            if _begins_later(value_node):
                # People look for the key, not for the line below it.
                value = Node(value.value, self._location(key_node))
            members[key] = value
        return members

    def _scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        text: str = node.value
        if node.tag == _STR:
            return text
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return text.lower() == "true"
        try:
            if node.tag == _INT:
                return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            if node.tag == _FLOAT:
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError as error:
            raise ConfigSourceError(f"not a number: {error}", location=self._location(node)) from None
        tag = node.tag.replace(_PREFIX, "!!")
        message = f"the tag {tag} has no meaning in configuration; remove it"
        raise ConfigSourceError(message, location=self._location(node))


def _begins_later(node: yaml.Node) -> bool:
    """Tells whether a value is a block below its key, or nothing at all."""
    if isinstance(node, yaml.ScalarNode):
        return not node.value and node.style not in ("'", '"')
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> ConfigSourceError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ConfigSourceError(f"not valid YAML: {error}", location=SourceLocation(file))
    problem, context = getattr(error, "problem", None), getattr(error, "context", None)
    message = f"not valid YAML: {problem or error}" + (f" ({context})" if context else "")
    lines = text.splitlines()
    if mark.line < len(lines) and re.search(r"[{\[,].*\$\{", lines[mark.line]):
        message += "; inside { } and [ ] a value with ${...} needs quotes"
    return ConfigSourceError(message, location=SourceLocation(file, mark.line + 1, mark.column + 1))

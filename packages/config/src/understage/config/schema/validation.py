"""Comparing configuration with schemas: wrong values, and keys that nobody knows."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from understage.config.keys import Path, path_text
from understage.config.node import Node, find, nearest_location
from understage.config.numbers import to_boolean, to_number
from understage.config.problem import Problem
from understage.config.schema.document import SchemaDocument
from understage.config.schema.walk import Part, declared_keys, element, expand, member
from understage.config.values import describe

_COMBINING = ("$ref", "allOf", "anyOf", "oneOf", "if")
_ALTERNATIVES = ("anyOf", "oneOf")
_TYPE_NAMES = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def wrong_values(root: Node, documents: list[SchemaDocument]) -> Iterator[Problem]:
    """Yields an error for each value that does not fit a schema.

    Numbers and booleans may be written as text, and null members count as absent, as for the reader.

    Args:
        root: the configuration.
        documents: the schemas; each judges the whole of it.
    """
    parts = [Part(document.schema, document) for document in documents]
    data = coerced(root, parts)
    for document in documents:
        for error in document.validator().iter_errors(data):
            # Whether a key is known is for all schemas together to say: see unknown_keys.
            if error.kind.name != "additionalProperties":
                for inner in _innermost(error):
                    yield _problem(root, inner, document, parts)


def coerced(node: Node, parts: list[Part]) -> Any:
    """Returns a tree as plain data, in which texts that spell what a schema asks for are converted."""
    applicable = expand(parts)
    value = node.value
    if isinstance(value, dict):
        present = {key: item for key, item in value.items() if item.value is not None}
        return {key: coerced(item, member(applicable, key)) for key, item in present.items()}
    if isinstance(value, list):
        return [coerced(item, element(applicable, index)) for index, item in enumerate(value)]
    return _converted(value, _types(applicable))


def _converted(value: Any, types: set[str]) -> Any:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or "string" in types:
        return value
    result = to_number(value) if types & {"number", "integer"} else None
    if result is None and "boolean" in types:
        result = to_boolean(value)
    return value if result is None else result


def _types(parts: list[Part]) -> set[str]:
    found: set[str] = set()
    for part in parts:
        types = part.schema.get("type", ())
        found.update([types] if isinstance(types, str) else types)
    return found


def _problem(root: Node, error: Any, document: SchemaDocument, parts: list[Part]) -> Problem:
    path: Path = tuple(error.instance_path)
    parameters: dict[str, Any] = {k: v for k, v in error.kind.as_dict().items() if k not in ("context", "value")}
    if error.kind.name == "required":
        path = (*path, error.kind.property)
    node = find(root, path)
    shown = replace(node, substituted=True) if node and _is_secret(parts, path) else node
    message = _message(error, shown, path)
    return Problem(
        message,
        path_text(path),
        nearest_location(root, path) if len(path) > 1 or node else None,
        keyword=error.kind.name,
        parameters=parameters,
        declared_by=document.name,
    )


def _is_secret(parts: list[Part], path: Path) -> bool:
    """Tells whether any schema says that the value at a path, or something around it, is secret."""
    for key in (*path, None):
        applicable = expand(parts)
        if any("secret" in (part.schema.get("visibility"), part.schema.get("deepVisibility")) for part in applicable):
            return True
        if key is not None:
            parts = element(applicable, key) if isinstance(key, int) else member(applicable, key)
    return False


def _message(error: Any, node: Node | None, path: Path) -> str:
    name = error.kind.name
    if name == "required":
        return "required value is missing"
    got = "" if node is None else f", got {describe(node, path)}"
    if name == "type":
        return f"expected {_either(error.kind.types)}{got}"
    if name == "enum":
        return f"expected one of {_listed(error.kind.options)}{got}"
    if name in _ALTERNATIVES and all(error.kind.context):
        return f"{_alternatives(error)}{got}"
    text: str = error.message
    return f"{text}{got}" if node is not None and not isinstance(node.value, dict | list) else text


def _alternatives(error: Any) -> str:
    branches = _branches(error)
    here = list(error.instance_path)
    if all(_is_type_error(inner, here) for branch in branches for inner in branch):
        return f"expected {_either([name for branch in branches for inner in branch for name in inner.kind.types])}"
    reasons = ["; ".join(_relative(inner, len(here)) for inner in branch) for branch in branches]
    return f"fits none of the allowed forms: {' - or: '.join(reasons)}"


def _branches(error: Any) -> list[list[Any]]:
    """Returns what is wrong with each alternative; those of another type are left out if there are any better ones."""
    branches: list[list[Any]] = [list(branch) for branch in error.kind.context]
    here = list(error.instance_path)
    return [branch for branch in branches if not any(_is_type_error(inner, here) for inner in branch)] or branches


def _is_type_error(error: Any, path: list[str | int]) -> bool:
    return error.kind.name == "type" and list(error.instance_path) == path


def _innermost(error: Any) -> Iterator[Any]:
    """Yields the errors of the only alternative that a value can have meant, or the error itself."""
    branches = _branches(error) if error.kind.name in _ALTERNATIVES and all(error.kind.context) else []
    if len(branches) != 1:
        yield error
        return
    for inner in branches[0]:
        yield from _innermost(inner)


def _relative(error: Any, depth: int) -> str:
    path = path_text(tuple(error.instance_path[depth:]))
    text = f"expected {_either(error.kind.types)}" if error.kind.name == "type" else str(error.message)
    return f"{path}: {text}" if path else text


def _either(types: list[str]) -> str:
    names = list(dict.fromkeys(_TYPE_NAMES.get(name, name) for name in types))
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _listed(options: Any) -> str:
    return ", ".join(repr(option) for option in options)


def unknown_keys(root: Node, parts: list[Part]) -> Iterator[Problem]:
    """Yields a warning for each key that no schema knows, inside sections that a schema describes.

    The root is no such section: a section of a package that is not installed is none of our business.

    Args:
        root: the configuration.
        parts: the schemas.
    """
    applicable = expand(parts)
    for key, item in _present(root):
        yield from _unknown(item, member(applicable, key), (key,))


def _unknown(node: Node, parts: list[Part], path: Path) -> Iterator[Problem]:
    applicable = expand(parts)
    if isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from _unknown(item, element(applicable, index), (*path, index))
        return
    closed = _is_closed(applicable)
    known = declared_keys(applicable)
    for key, item in _present(node):
        below = member(applicable, key)
        if closed and not below and key not in known:
            yield _unknown_key(item, key, known, path)
        yield from _unknown(item, below, (*path, key))


def _unknown_key(node: Node, key: str, known: list[str], path: Path) -> Problem:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known)) or 'none'}"
    return Problem(
        f"unknown key; {hint}",
        path_text((*path, key)),
        node.location,
        severity="warning",
        keyword="additionalProperties",
        parameters={"additionalProperty": key},
    )


def _is_closed(parts: list[Part]) -> bool:
    declares = any("properties" in part.schema or part.schema.get("additionalProperties") is False for part in parts)
    return declares and not any(map(_is_open, parts))


def _is_open(part: Part) -> bool:
    schema = part.schema
    if schema.get("additionalProperties", False) is not False:
        return True
    if any(keyword in schema for keyword in ("properties", "patternProperties", "additionalProperties", *_COMBINING)):
        return False
    types = schema.get("type", "object")
    return types == "object" or (isinstance(types, list) and "object" in types)


def deprecated_keys(root: Node, parts: list[Part], path: Path = ()) -> Iterator[Problem]:
    """Yields a warning for each value whose schema says `deprecated`."""
    applicable = expand(parts)
    for part in applicable:
        reason = part.schema.get("deprecated")
        if reason and root.value is not None:
            text = f"is deprecated: {reason}" if isinstance(reason, str) else "is deprecated"
            name = part.document.name
            yield Problem(text, path_text(path), root.location, "warning", "deprecated", declared_by=name)
    for key, item in _present(root):
        yield from deprecated_keys(item, member(applicable, key), (*path, key))
    for index, item in enumerate(root.value if isinstance(root.value, list) else ()):
        yield from deprecated_keys(item, element(applicable, index), (*path, index))


def _present(node: Node) -> list[tuple[str, Node]]:
    members: Mapping[str, Node] = node.value if isinstance(node.value, dict) else {}
    return [(key, item) for key, item in members.items() if item.value is not None]


def in_order(problems: list[Problem]) -> list[Problem]:
    """Sorts problems by file, line and column, and drops repetitions of the same finding."""
    unique = list({(problem.key, problem.message): problem for problem in reversed(problems)}.values())[::-1]
    return sorted(unique, key=_position)


def _position(problem: Problem) -> tuple[str, int, int, str]:
    location = problem.location
    if location is None:
        return "", 0, 0, problem.key
    return location.file, location.line or 0, location.column or 0, problem.key

"""Walking several schemas at once, along a configuration: which parts of them apply to a value."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from understage.config.schema.document import SchemaDocument


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a schema, with the document it belongs to."""

    schema: Mapping[str, Any]
    document: SchemaDocument


Applies: TypeAlias = Callable[[Part], bool]


def always(part: Part) -> bool:
    """Takes every alternative of a schema: what could apply to some value."""
    return True


def fitting(value: Any) -> Applies:
    """Takes the alternatives of a schema that a value fits."""
    return lambda part: part.document.validator(part.schema).is_valid(value)


def expand(parts: Iterable[Part], applies: Applies = always) -> list[Part]:
    """Follows `$ref`, `allOf`, `anyOf`, `oneOf` and `if` to all parts that apply at the same place.

    Args:
        parts: the parts to begin with; they are in the result too.
        applies: which alternatives to take.
    """
    found: list[Part] = []
    seen: set[int] = set()
    waiting = list(parts)
    while waiting:
        part = waiting.pop(0)
        if id(part.schema) in seen:
            continue
        seen.add(id(part.schema))
        found.append(part)
        waiting += _followed(part, applies)
    return found


def _followed(part: Part, applies: Applies) -> Iterator[Part]:
    schema, document = part.schema, part.document
    if isinstance(schema.get("$ref"), str):
        yield from _as_parts([document.resolve(schema["$ref"])], document)
    yield from _as_parts(schema.get("allOf", ()), document)
    for keyword in ("anyOf", "oneOf"):
        yield from filter(applies, _as_parts(schema.get(keyword, ()), document))
    for condition in _as_parts([schema.get("if")], document):
        if applies is always or applies(condition):
            yield from _as_parts([schema.get("then")], document)
        if applies is always or not applies(condition):
            yield from _as_parts([schema.get("else")], document)


def member(parts: Iterable[Part], key: str) -> list[Part]:
    """Returns the parts that describe a member of an object.

    Args:
        parts: the expanded parts of the object.
        key: the member's name.
    """
    found: list[Part] = []
    for part in parts:
        schema, document = part.schema, part.document
        own = [schema["properties"][key]] if key in schema.get("properties", {}) else []
        own += [sub for pattern, sub in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        found += _as_parts(own or [schema.get("additionalProperties")], document)
    return found


def element(parts: Iterable[Part], index: int) -> list[Part]:
    """Returns the parts that describe an element of an array.

    Args:
        parts: the expanded parts of the array.
        index: the element's position.
    """
    found: list[Part] = []
    for part in parts:
        items = part.schema.get("items")
        prefix: list[Any] = part.schema.get("prefixItems") or (items if isinstance(items, list) else [])
        rest = part.schema.get("additionalItems") if isinstance(items, list) else items
        found += _as_parts([prefix[index] if index < len(prefix) else rest], part.document)
    return found


def declared_keys(parts: Iterable[Part]) -> list[str]:
    """Returns the names of all members that the parts declare, in their order."""
    return list(dict.fromkeys(key for part in parts for key in part.schema.get("properties", {})))


def _as_parts(schemas: Iterable[Any], document: SchemaDocument) -> list[Part]:
    return [Part(schema, document) for schema in schemas if isinstance(schema, Mapping)]

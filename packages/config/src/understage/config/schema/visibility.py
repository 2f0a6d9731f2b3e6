"""Who may see a value: browsers (`frontend`), nobody outside the process (`backend`), nobody at all (`secret`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from understage.config.errors import ConfigSchemaError
from understage.config.node import Node, to_plain
from understage.config.schema.walk import Part, always, declared_keys, element, expand, fitting, member

Visibility: TypeAlias = Literal["frontend", "backend", "secret"]

_STRONGEST_FIRST: tuple[Visibility, ...] = ("secret", "frontend", "backend")
_MASK = "<secret>"


@dataclass(frozen=True, slots=True)
class Seen:
    """A node of the configuration with its visibility.

    Attributes:
        node: the node.
        visibility: who may see the node itself; members and elements have their own.
        members: those of an object, without null ones.
        elements: those of an array.
    """

    node: Node
    visibility: Visibility
    members: "dict[str, Seen] | None" = None
    elements: "list[Seen] | None" = None


def annotate(
    node: Node, parts: list[Part], deep: Visibility | None = None, inherited: Visibility | None = None
) -> Seen:
    """Finds out the visibility of a tree.

    Where alternatives of a schema apply, secret wins over frontend, and frontend over backend. A scalar in an array has
    the array's visibility if it has none of its own.

    Args:
        node: the tree.
        parts: the schema's parts that apply to it.
        deep: the `deepVisibility` of what is around it.
        inherited: the visibility of the array that it is an element of.
    """
    needs_value = any(key in part.schema for part in expand(parts) for key in ("anyOf", "oneOf", "if"))
    applicable = expand(parts, fitting(to_plain(node)) if needs_value else always)
    deep = _strongest("deepVisibility", applicable) or deep
    own = _strongest("visibility", applicable)
    if isinstance(node.value, dict):
        items = {key: child for key, child in node.value.items() if child.value is not None}
        members = {key: annotate(child, member(applicable, key), deep) for key, child in items.items()}
        return Seen(node, _effective(own, deep), members=members)
    if isinstance(node.value, list):
        visibility = _effective(own, deep)
        children = enumerate(node.value)
        elements = [annotate(child, element(applicable, i), deep, visibility) for i, child in children]
        return Seen(node, visibility, elements=elements)
    return Seen(node, _effective(own or inherited, deep))


def _effective(own: Visibility | None, deep: Visibility | None) -> Visibility:
    return "secret" if own == "secret" else deep or own or "backend"


def _strongest(keyword: str, parts: Iterable[Part]) -> Visibility | None:
    values = {part.schema.get(keyword) for part in parts}
    return next((visibility for visibility in _STRONGEST_FIRST if visibility in values), None)


_NOTHING = object()


def filtered(seen: Seen, wanted: frozenset[str]) -> dict[str, Any]:
    """Returns what has one of the wanted visibilities; the objects and arrays around it come along."""
    result = _filtered(seen, wanted)
    return {} if result is _NOTHING else result


def _filtered(seen: Seen, wanted: frozenset[str]) -> Any:
    visible = seen.visibility in wanted
    if seen.members is not None:
        members = {key: _filtered(child, wanted) for key, child in seen.members.items()}
        kept = {key: value for key, value in members.items() if value is not _NOTHING}
        return kept if kept or visible else _NOTHING
    if seen.elements is not None:
        elements = [_filtered(child, wanted) for child in seen.elements]
        remaining = [value for value in elements if value is not _NOTHING]
        return remaining if remaining or visible else _NOTHING
    return seen.node.value if visible and seen.node.value is not None else _NOTHING


def masked(seen: Seen, *, hidden: bool = False) -> Any:
    """Returns the plain value with `<secret>` in place of each scalar that is secret, or inside something secret."""
    hidden = hidden or seen.visibility == "secret"
    if seen.members is not None:
        return {key: masked(child, hidden=hidden) for key, child in seen.members.items()}
    if seen.elements is not None:
        return [masked(child, hidden=hidden) for child in seen.elements]
    return _MASK if hidden and seen.node.value is not None else seen.node.value


def secret_texts(seen: Seen, *, hidden: bool = False) -> Iterable[str]:
    """Yields each scalar that `masked` hides, as text; booleans and empty texts are left out."""
    hidden = hidden or seen.visibility == "secret"
    for child in [*(seen.members or {}).values(), *(seen.elements or [])]:
        yield from secret_texts(child, hidden=hidden)
    value = seen.node.value
    if hidden and value and isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def check_visibility(parts: list[Part]) -> None:
    """Makes sure that schemas do not contradict each other about who may see a value.

    Raises:
        ConfigSchemaError: a value is declared both frontend and secret, or with a visibility that does not exist.
    """
    _check(parts, "", [], set())


def _check(parts: list[Part], path: str, deep: list[tuple[str, Part]], done: set[tuple[int, ...]]) -> None:
    if not parts:
        return  # what is declared further up was looked at there
    applicable = expand(parts)
    state = tuple(sorted({id(part.schema) for part in applicable} | {id(part.schema) for _, part in deep}))
    if state in done:
        return
    done.add(state)
    deep = [*deep, *_declared("deepVisibility", applicable, path)]
    _refuse_conflict([*deep, *_declared("visibility", applicable, path)], path)
    for key in declared_keys(applicable):
        _check(member(applicable, key), f"{path}.{key}" if path else key, deep, done)
    # The other members of an open object; no key is spelt like this one.
    _check(member(applicable, "\0"), f"{path}.*" if path else "*", deep, done)
    _check(element(applicable, 0), f"{path}[]", deep, done)


def _declared(keyword: str, parts: Iterable[Part], path: str) -> list[tuple[str, Part]]:
    found = [(part.schema[keyword], part) for part in parts if keyword in part.schema]
    for value, part in found:
        if value not in _STRONGEST_FIRST:
            raise ConfigSchemaError(
                f"the schema of {part.document.name} gives {path or 'the root'} the {keyword} {value!r}; "
                "write frontend, backend or secret"
            )
    return found


def _refuse_conflict(declared: list[tuple[str, Part]], path: str) -> None:
    names = {visibility: part.document.name for visibility, part in declared}
    if "frontend" in names and "secret" in names:
        raise ConfigSchemaError(
            f"{path or 'the root'} is declared both frontend (by {names['frontend']}) "
            f"and secret (by {names['secret']}); a value can be only one of the two"
        )

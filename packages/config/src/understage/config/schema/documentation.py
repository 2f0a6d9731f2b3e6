"""A reference of all configuration keys, in Markdown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from understage.config.schema.walk import Part, declared_keys, element, expand, member

_OTHER_MEMBERS = "\0"
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    type: str
    default: str
    visibility: str
    text: str
    declared_by: str


def to_markdown(parts: list[Part]) -> str:
    """Returns a table for each section: key, type, default, visibility, meaning and who declares it.

    Args:
        parts: the schemas.
    """
    lines = ["# Configuration reference", ""]
    root = expand(parts)
    for section in sorted(declared_keys(root)):
        lines += [f"## {section}", "", "| key | type | default | visibility | meaning | declared by |"]
        lines.append("|---|---|---|---|---|---|")
        for row in _rows(member(root, section), section, frozenset()):
            cells = [f"`{row.key}`", row.type, row.default, row.visibility, row.text, row.declared_by]
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def _rows(parts: list[Part], path: str, above: frozenset[int]) -> Iterator[_Row]:
    applicable = expand(parts)
    ids = frozenset(id(part.schema) for part in applicable)
    if not applicable or path.count(".") > _DEEPEST:
        return
    yield _row(applicable, path)
    if ids <= above:
        return
    below = above | ids
    for key in declared_keys(applicable):
        yield from _rows(member(applicable, key), f"{path}.{key}", below)
    yield from _rows(member(applicable, _OTHER_MEMBERS), f"{path}.<name>", below)
    yield from _rows(element(applicable, 0), f"{path}[]", below)


def _row(parts: list[Part], path: str) -> _Row:
    types: list[str] = []
    for part in parts:
        declared = part.schema.get("type", [])
        types += [declared] if isinstance(declared, str) else declared
        if "enum" in part.schema or "const" in part.schema:
            types += [f"`{json.dumps(value)}`" for value in part.schema.get("enum", [part.schema.get("const")])]
    names = [name for name in dict.fromkeys(types) if name != "null"]
    default = _first(parts, "default")
    visibility = _first(parts, "visibility") or _first(parts, "deepVisibility")
    return _Row(
        path,
        " or ".join(names) or "any",
        "" if default is None else f"`{json.dumps(default)}`",
        str(visibility or "backend"),
        " ".join(str(_first(parts, "description") or "").split()),
        ", ".join(dict.fromkeys(part.document.name for part in parts)),
    )


def _first(parts: list[Part], keyword: str) -> object:
    return next((part.schema[keyword] for part in parts if keyword in part.schema), None)

"""Entity references: `[<kind>:][<namespace>/]<name>`, and location references: `<type>:<target>`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from understage.errors import InputError

DEFAULT_NAMESPACE = "default"

# Many entities name the same owners, systems and places, and each is looked at again and again. What is longer than
# references usually are is not remembered, which bounds the memory.
_REMEMBERED = 4096
_LONGEST_REMEMBERED = 250


class EntityRefError(InputError):
    """A text is no entity reference."""


class LocationRefError(InputError):
    """A text is no location reference."""


@dataclass(frozen=True, slots=True, order=True)
class EntityRef:
    """The name of an entity in its three parts, in the case in which they were written.

    Attributes:
        kind: such as `Component`.
        namespace: such as `default`.
        name: the entity's own name.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Returns `kind:namespace/name` in lower case, the form by which entities are identified."""
        return f"{self.kind}:{self.namespace}/{self.name}".lower()


def parse_entity_ref(
    ref: str | Mapping[str, Any] | EntityRef,
    *,
    default_kind: str | None = None,
    default_namespace: str = DEFAULT_NAMESPACE,
) -> EntityRef:
    """Reads an entity reference, filling in what it leaves out.

    The first `:` ends the kind, unless a `/` comes before it; the first `/` ends the namespace. What follows is the
    name, whatever it contains.

    Args:
        ref: text such as `component:default/web` or `web`; or an object with `kind`, `namespace` and `name`.
        default_kind: the kind of a reference that names none.
        default_namespace: the namespace of a reference that names none.

    Raises:
        EntityRefError: a part is empty, or there is no kind and no default for it.
    """
    if isinstance(ref, EntityRef):
        return ref
    if isinstance(ref, str):
        parse = _parse_remembered if len(ref) <= _LONGEST_REMEMBERED else _parse_text
        return parse(ref, default_kind, default_namespace)
    return _complete(ref, *_members(ref), default_kind, default_namespace)


def _parse_text(ref: str, default_kind: str | None, default_namespace: str) -> EntityRef:
    kind, namespace, name = _split(ref)
    if kind is None:
        kind = default_kind
    if namespace is None:
        namespace = default_namespace
    if kind and namespace and name:
        return EntityRef(kind, namespace, name)
    return _complete(ref, kind, namespace, name, default_kind, default_namespace)


_parse_remembered = lru_cache(_REMEMBERED)(_parse_text)


def _complete(
    ref: str | Mapping[str, Any],
    kind: str | None,
    namespace: str | None,
    name: str | None,
    default_kind: str | None,
    default_namespace: str,
) -> EntityRef:
    kind = kind if kind is not None else default_kind
    namespace = namespace if namespace is not None else default_namespace
    if not kind:
        raise EntityRefError(f"Entity reference {_shown(ref)} has no kind: write it as 'component:{name or '<name>'}'")
    if not namespace:
        raise EntityRefError(f"Entity reference {_shown(ref)} has an empty namespace")
    if not name:
        raise EntityRefError(f"Entity reference {_shown(ref)} has no name")
    return EntityRef(kind, namespace, name)


def _split(ref: str) -> tuple[str | None, str | None, str]:
    colon, slash = ref.find(":"), ref.find("/")
    if colon < 0 or 0 <= slash < colon:
        return (None, None, ref) if slash < 0 else (None, ref[:slash], ref[slash + 1 :])
    if not colon:
        raise EntityRefError(f"Entity reference {_shown(ref)} has an empty kind")
    if slash < 0:
        return ref[:colon], None, ref[colon + 1 :]
    return ref[:colon], ref[colon + 1 : slash], ref[slash + 1 :]


def _members(ref: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    parts = ref.get("kind"), ref.get("namespace"), ref.get("name")
    for label, part in zip(("kind", "namespace", "name"), parts, strict=True):
        if part is not None and (not isinstance(part, str) or not part):
            raise EntityRefError(f"Entity reference {_shown(ref)} has an invalid {label}: expected a non-empty string")
    return parts


def _shown(ref: object) -> str:
    return f"'{ref}'" if isinstance(ref, str) else repr(dict(ref) if isinstance(ref, Mapping) else ref)


def stringify_entity_ref(ref: EntityRef | Mapping[str, Any]) -> str:
    """Returns `kind:namespace/name` in lower case.

    Args:
        ref: a reference, or a whole entity; a missing namespace is `default`.

    Raises:
        EntityRefError: kind or name is missing.
    """
    if isinstance(ref, EntityRef):
        return str(ref)
    metadata = ref.get("metadata")
    if not isinstance(metadata, Mapping):
        return str(parse_entity_ref(ref))
    kind, namespace, name = ref.get("kind"), metadata.get("namespace"), metadata.get("name")
    if _is_part(kind) and _is_part(name) and (namespace is None or _is_part(namespace)):
        return f"{kind}:{DEFAULT_NAMESPACE if namespace is None else namespace}/{name}".lower()
    return str(parse_entity_ref({"kind": kind, "namespace": namespace, "name": name}))


def _is_part(value: object) -> bool:
    return bool(value) and isinstance(value, str)


@dataclass(frozen=True, slots=True)
class LocationRef:
    """Where entities come from.

    Attributes:
        type: which reader understands the target: `file`, `url`, ...
        target: a path or address.
    """

    type: str
    target: str

    def __str__(self) -> str:
        """Returns `type:target`."""
        return f"{self.type}:{self.target}"


def parse_location_ref(ref: str) -> LocationRef:
    """Reads a location reference.

    Args:
        ref: text such as `file:/srv/entities.yaml` or `url:https://example.com/catalog-info.yaml`.

    Raises:
        LocationRefError: type or target is missing, or the type is the scheme of a URL.
    """
    return _parse_remembered_location(ref) if len(ref) <= _LONGEST_REMEMBERED else _parse_location(ref)


def _parse_location(ref: str) -> LocationRef:
    kind, separator, target = ref.partition(":")
    kind, target = kind.strip(), target.strip()
    if not separator or not kind or not target:
        raise LocationRefError(
            f"Unable to parse location ref '{ref}', expected '<type>:<target>', e.g. 'url:https://host/path'"
        )
    if kind.lower() in ("http", "https"):
        raise LocationRefError(f"Invalid location ref '{ref}', please prefix it with 'url:', e.g. 'url:{ref}'")
    if is_script_url(target):
        raise LocationRefError(f"Invalid location ref '{ref}': its target is a script")
    return LocationRef(kind, target)


_parse_remembered_location = lru_cache(_REMEMBERED)(_parse_location)


def is_script_url(text: str) -> bool:
    """Tells whether a browser would run the text as a script if it were a link."""
    visible = "".join(character for character in text if character > " ")
    return visible[:11].lower() == "javascript:"

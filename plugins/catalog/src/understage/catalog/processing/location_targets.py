"""The targets of a Location entity."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from understage.catalog_api import EntityJson, LocationRef
from understage.errors import InputError

LOCATION_KIND = "Location"

ResolveUrl = Callable[[str, str], str]
"""Returns an address that is given relative to another one; knows how source hosts write theirs."""


def location_targets(entity: EntityJson, parent: LocationRef, resolve_url: ResolveUrl) -> Iterator[LocationRef]:
    """Yields the places that a Location entity names, relative ones resolved against the place it is in itself.

    Args:
        entity: a valid Location entity.
        parent: where the entity was found.
        resolve_url: resolves addresses relative to others.
    """
    spec = entity.get("spec") or {}
    kind = spec.get("type") or parent.type
    targets = [*([spec["target"]] if spec.get("target") else []), *spec.get("targets", ())]
    for target in targets:
        yield LocationRef(kind, _resolved(target, kind, parent, resolve_url))


def is_optional(entity: EntityJson) -> bool:
    """Tells whether missing targets of a Location entity are no error."""
    return bool((entity.get("spec") or {}).get("presence") == "optional")


def _resolved(target: str, kind: str, parent: LocationRef, resolve_url: ResolveUrl) -> str:
    if kind == parent.type == "url":
        try:
            return resolve_url(target, parent.target)
        except (InputError, ValueError):
            return target  # whoever reads it says better what is wrong with it
    if kind != "file" or parent.type != "file" or os.path.isabs(target):  # noqa: PTH117 - texts, maybe globs
        return target
    # normpath on the text: a Path would lose the trailing separator, which is refused with a clear message later.
    resolved = os.path.normpath(Path(parent.target).parent / target)
    return resolved + "/" if target.endswith("/") else resolved

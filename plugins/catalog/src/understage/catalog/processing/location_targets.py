"""The targets of a Location entity."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from understage.catalog_api import EntityJson, LocationRef

LOCATION_KIND = "Location"


def location_targets(entity: EntityJson, parent: LocationRef) -> Iterator[LocationRef]:
    """Yields the places that a Location entity names, relative ones resolved against the place it is in itself.

    Args:
        entity: a valid Location entity.
        parent: where the entity was found.
    """
    spec = entity.get("spec") or {}
    kind = spec.get("type") or parent.type
    targets = [*([spec["target"]] if spec.get("target") else []), *spec.get("targets", ())]
    for target in targets:
        yield LocationRef(kind, _resolved(target, kind, parent))


def is_optional(entity: EntityJson) -> bool:
    """Tells whether missing targets of a Location entity are no error."""
    return bool((entity.get("spec") or {}).get("presence") == "optional")


def _resolved(target: str, kind: str, parent: LocationRef) -> str:
    if kind != "file" or parent.type != "file" or os.path.isabs(target):  # noqa: PTH117 - texts, maybe globs
        return target
    # normpath on the text: a Path would lose the trailing separator, which is refused with a clear message later.
    resolved = os.path.normpath(Path(parent.target).parent / target)
    return resolved + "/" if target.endswith("/") else resolved

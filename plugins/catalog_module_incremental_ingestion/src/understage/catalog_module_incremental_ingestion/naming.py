"""Which of the entities that a source has brought can be named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from understage.catalog_api import DeferredEntity, stringify_entity_ref

_SHOWN = 200
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Named:
    """Entities by their names.

    Attributes:
        entities: those that can be named.
        refs: their names, sorted.
        problems: what is wrong with the others.
    """

    entities: list[DeferredEntity]
    refs: list[str]
    problems: list[str]

    @property
    def problem(self) -> str | None:
        """What is wrong with those that were left out, in one text; None if none were."""
        if not self.problems:
            return None
        more = len(self.problems) - _SHOWN_PROBLEMS
        shown = "; ".join(self.problems[:_SHOWN_PROBLEMS])
        return f"{shown}; and {more} more" if more > 0 else shown


def name_entities(found: Sequence[DeferredEntity]) -> Named:
    """Sorts out the entities that cannot be named. Takes a while for many, so it belongs into a thread.

    Args:
        found: what a source has brought.
    """
    entities, refs, problems = [], set(), []
    for one in found:
        problem = _problem(one.entity)
        if problem is None:
            entities.append(one)
            refs.add(stringify_entity_ref(one.entity))
        else:
            problems.append(f"left out an entity: {problem}, in {repr(one.entity)[:_SHOWN]}")
    return Named(entities, sorted(refs), problems)


def _problem(entity: Any) -> str | None:
    if not isinstance(entity, dict):
        return "it must be an object"
    metadata = entity.get("metadata")
    if not isinstance(metadata, dict):
        return "metadata must be an object"
    texts = {
        "apiVersion": entity.get("apiVersion"),
        "kind": entity.get("kind"),
        "metadata.name": metadata.get("name"),
        "metadata.namespace": metadata.get("namespace", "default"),
    }
    return next((f"{path} must be {wanted}" for path, text in texts.items() if (wanted := _wanted(text))), None)


def _wanted(text: Any) -> str | None:
    if not isinstance(text, str) or not text:
        return "a text and not empty"
    return None if _can_be_stored(text) else "of characters that can be stored"


def _can_be_stored(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False

"""Formats of the members of all entities, which an installation may replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FieldValidator = Callable[[Any], bool]
"""Tells whether a value has the right format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValidators:
    """Validators that take the place of the catalog's own; None keeps that.

    Attributes:
        api_version: of `apiVersion`.
        kind: of `kind`.
        entity_name: of `metadata.name`.
        namespace: of `metadata.namespace`.
        label_key: of the keys of `metadata.labels`.
        label_value: of the values of `metadata.labels`.
        annotation_key: of the keys of `metadata.annotations`.
        annotation_value: of the values of `metadata.annotations`.
        tag: of each of `metadata.tags`.
    """

    api_version: FieldValidator | None = None
    kind: FieldValidator | None = None
    entity_name: FieldValidator | None = None
    namespace: FieldValidator | None = None
    label_key: FieldValidator | None = None
    label_value: FieldValidator | None = None
    annotation_key: FieldValidator | None = None
    annotation_value: FieldValidator | None = None
    tag: FieldValidator | None = None

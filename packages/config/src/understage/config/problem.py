"""A finding about the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from understage.config.location import SourceLocation


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, or looks wrong, in the configuration.

    Attributes:
        message: what was expected and what was found.
        key: the full key of the value.
        location: where the value, or the nearest section around it, was written.
        severity: `error` stops a start, `warning` does not.
        keyword: the JSON Schema keyword that was violated, such as `type`; empty if there is none.
        parameters: what the keyword asked for, such as `{"type": "number"}`.
        declared_by: the name of the schema, usually a package's, that asks for it.
    """

    message: str
    key: str = ""
    location: SourceLocation | None = None
    severity: Literal["error", "warning"] = "error"
    keyword: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    declared_by: str = ""

    def __str__(self) -> str:
        parts = [str(self.location)] if self.location is not None else []
        if self.key:
            parts.append(self.key)
        return ": ".join([*parts, self.message])

"""One package's schema: resolving references in it, and judging values by parts of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from understage.config.errors import ConfigSchemaError


@dataclass(frozen=True, slots=True, eq=False)
class SchemaDocument:
    """A JSON Schema and who declares it.

    Attributes:
        name: the package, or whatever tells people where the schema is from.
        schema: a JSON Schema, draft 07 unless it says otherwise, with the keywords `visibility` and `deepVisibility`
            (`frontend`, `backend`, `secret`). References must stay inside the document.
    """

    name: str
    schema: Mapping[str, Any]
    _validators: dict[int, Any] = field(default_factory=dict[int, Any], repr=False)

    def resolve(self, reference: str) -> Any:
        """Returns the part of the document that a `$ref` points to.

        Raises:
            ConfigSchemaError: there is none, or it is in another document.
        """
        if not reference.startswith("#"):
            raise ConfigSchemaError(f"the schema of {self.name} refers to {reference!r}; inline it, only #/... works")
        found: Any = self.schema
        for part in unquote(reference[1:]).split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(part)] if isinstance(found, list) else found[part]
            except (KeyError, IndexError, TypeError, ValueError):
                raise ConfigSchemaError(
                    f"the schema of {self.name} refers to {reference!r}, which it does not have"
                ) from None
        return found

    def validator(self, part: Mapping[str, Any] | None = None) -> Any:
        """Returns a compiled validator of the document, or of a part of it with the document's definitions.

        Raises:
            ConfigSchemaError: the schema is not a valid JSON Schema.
        """
        key = id(part)
        if key not in self._validators:
            self._validators[key] = self._compile(self.schema if part is None else self._complete(part))
        return self._validators[key]

    def _complete(self, part: Mapping[str, Any]) -> dict[str, Any]:
        kept = ("$schema", "definitions", "$defs")
        return {**{key: self.schema[key] for key in kept if key in self.schema}, **part}

    def _compile(self, schema: Mapping[str, Any]) -> Any:
        import jsonschema_rs

        newer = "$schema" in schema and "draft-0" not in str(schema["$schema"])
        newer = newer or ("$defs" in schema and "$schema" not in schema)
        draft = jsonschema_rs.Draft202012Validator if newer else jsonschema_rs.Draft7Validator
        try:
            # Messages must not quote values, which may be secrets.
            return draft(dict(schema), mask="the value")
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            reason = getattr(error, "message", None) or str(error)
            raise ConfigSchemaError(f"the schema of {self.name} is not a valid JSON Schema: {reason}") from None

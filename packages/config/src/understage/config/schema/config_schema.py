"""The schemas of all packages together."""

from collections.abc import Iterable, Mapping
from typing import Any

from understage.config.errors import ConfigValidationError
from understage.config.problem import Problem
from understage.config.reader import Config
from understage.config.schema.collection import document_of, installed_schemas
from understage.config.schema.combining import combined
from understage.config.schema.documentation import to_markdown
from understage.config.schema.validation import deprecated_keys, in_order, unknown_keys, wrong_values
from understage.config.schema.visibility import (
    Seen,
    Visibility,
    annotate,
    check_visibility,
    filtered,
    masked,
    secret_texts,
)
from understage.config.schema.walk import Part


class ConfigSchema:
    """What the configuration may look like, and who may see which part of it.

    Args:
        schemas: by the name of who declares it, a JSON Schema as a dict, a model class, a callable that returns either,
            or the path of a JSON file; each describes the configuration from its root.

    Raises:
        ConfigSchemaError: a schema cannot be read, is invalid, or contradicts another one about visibility.
    """

    def __init__(self, schemas: Mapping[str, Any] | None = None) -> None:
        self._documents = [document_of(name, declared) for name, declared in (schemas or {}).items()]
        self._parts = [Part(document.schema, document) for document in self._documents]
        check_visibility(self._parts)

    @classmethod
    def from_packages(cls, extra: Mapping[str, Any] | None = None) -> "ConfigSchema":
        """Collects the schemas of all installed packages; imports those packages' configuration modules.

        Args:
            extra: further schemas by name.
        """
        return cls({**{document.name: document for document in installed_schemas()}, **(extra or {})})

    @property
    def names(self) -> list[str]:
        """Who declares the schemas."""
        return [document.name for document in self._documents]

    def validate(self, config: Config) -> list[Problem]:
        """Returns everything that is wrong (`error`) or looks wrong (`warning`: unknown and deprecated keys).

        Args:
            config: the configuration as a whole.

        Raises:
            ConfigSchemaError: a schema is not a valid JSON Schema.
        """
        root = config.node()
        problems = [
            *wrong_values(root, self._documents),
            *unknown_keys(root, self._parts),
            *deprecated_keys(root, self._parts),
        ]
        return in_order(problems)

    def ensure_valid(self, config: Config) -> list[Problem]:
        """Returns the warnings about a valid configuration.

        Raises:
            ConfigValidationError: it is not valid; the error lists all that is wrong.
        """
        problems = self.validate(config)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            raise ConfigValidationError(errors)
        return problems

    def filter(self, config: Config, visibilities: Iterable[Visibility] = ("frontend",)) -> dict[str, Any]:
        """Returns the part of the configuration that has one of the visibilities, as plain data.

        Elements of arrays of which nothing is visible are left out, as nulls are.

        Args:
            config: the configuration as a whole.
            visibilities: what to keep; by default what browsers may see.
        """
        return filtered(self._seen(config), frozenset(visibilities))

    def secrets(self, config: Config) -> list[str]:
        """Returns the texts of all values that are secret, or below something secret, each once: for redaction."""
        return list(dict.fromkeys(secret_texts(self._seen(config))))

    def mask(self, config: Config) -> Any:
        """Returns the configuration as plain data with `<secret>` in place of all that is secret: for printing."""
        return masked(self._seen(config))

    def to_json_schema(self) -> dict[str, Any]:
        """Returns one JSON Schema of all, draft 07 with the visibility keywords."""
        return combined(self._documents)

    def to_markdown(self) -> str:
        """Returns a reference of all keys."""
        return to_markdown(self._parts)

    def _seen(self, config: Config) -> Seen:
        return annotate(config.node(), self._parts)

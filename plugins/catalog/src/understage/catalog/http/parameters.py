"""Query parameters, checked as the catalog's clients expect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from understage.errors import InputError

LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: how it is checked, and what the description of the API says of it.

    Attributes:
        name: its name.
        description: what it does.
        schema: the JSON schema of its value: a text, a whole number, or a list of texts.
        is_required: whether it must be there.
        has_commas: whether a list is written with commas, rather than by repeating the parameter.
    """

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string", "minLength": 1})
    is_required: bool = False
    has_commas: bool = False

    def check(self, values: list[str]) -> None:
        """Refuses values that are not of the schema.

        Raises:
            InputError: says what is expected.
        """
        if values == [""]:
            raise InputError(f"Empty value found for query parameter '{self.name}'")
        if any("\0" in value for value in values):
            raise InputError(f"The query parameter '{self.name}' holds a NUL character")
        allowed = self.schema.get("enum")
        if allowed is not None and values[-1] not in allowed:
            raise InputError(
                f"request/query/{self.name} must be equal to one of the allowed values: {', '.join(allowed)}"
            )

    @property
    def is_number(self) -> bool:
        """Whether its value is a whole number."""
        return bool(self.schema["type"] == "integer")

    def number(self, values: list[str]) -> int:
        """Returns the value of a whole number.

        Raises:
            InputError: it is none, or out of bounds.
        """
        try:
            number = float(values[-1].strip())
        except ValueError:
            raise InputError(f"request/query/{self.name} must be integer") from None
        if not number.is_integer() or len(values) > 1:
            raise InputError(f"request/query/{self.name} must be integer")
        if number < self.schema["minimum"]:
            raise InputError(f"request/query/{self.name} must be >= {self.schema['minimum']}")
        if number > self.schema["maximum"]:
            raise InputError(f"request/query/{self.name} must be <= {self.schema['maximum']}")
        return int(number)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query parameters of a request, of the right types.

    Attributes:
        pairs: names and values as they came, decoded.
        texts: values by name.
        numbers: values of numeric parameters by name.
    """

    pairs: tuple[tuple[str, str], ...]
    texts: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, int] = field(default_factory=dict)

    def all(self, name: str) -> tuple[str, ...]:
        """Returns the values of a parameter."""
        return self.texts.get(name, ())

    def one(self, name: str) -> str | None:
        """Returns the last value of a parameter, or None."""
        values = self.texts.get(name)
        return values[-1] if values else None

    def number(self, name: str) -> int | None:
        """Returns the value of a numeric parameter, or None."""
        return self.numbers.get(name)


_NONE = Parameters((), {})


class Query:
    """The query parameters that an operation knows.

    Args:
        *parameters: all of them.
    """

    def __init__(self, *parameters: Parameter) -> None:
        self.parameters = parameters
        self._by_name = {parameter.name: parameter for parameter in parameters}
        self._required = [parameter.name for parameter in parameters if parameter.is_required]
        self._remembered = lru_cache(maxsize=1024)(self._parse)

    def parse(self, query_string: bytes) -> Parameters:
        """Reads the query parameters of a request.

        Args:
            query_string: as it came.

        Raises:
            InputError: a parameter is unknown, empty, not of its type, or missing.
        """
        if not query_string and not self._required:
            return _NONE
        return self._remembered(query_string)

    def _parse(self, query_string: bytes) -> Parameters:
        try:
            pairs = tuple(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
        except ValueError as error:
            raise InputError(f"The query string cannot be read: {error}") from error
        collected: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if name not in self._by_name:
                raise InputError(f"Unknown query parameter '{name}'")
            collected[name].append(value)
        for name in self._required:
            if name not in collected:
                raise InputError(f"request/query must have required property '{name}'")
        numbers: dict[str, int] = {}
        for name, values in collected.items():
            parameter = self._by_name[name]
            parameter.check(values)
            if parameter.is_number:
                numbers[name] = parameter.number(values)
        return Parameters(pairs, {name: tuple(values) for name, values in collected.items()}, numbers)

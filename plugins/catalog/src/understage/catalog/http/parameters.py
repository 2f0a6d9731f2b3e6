"""Query parameters, checked as the catalog's clients expect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl

from understage.errors import InputError

Kind = Literal["texts", "text", "number", "total-items"]
LARGEST_NUMBER = 2**31 - 1
TOTAL_ITEMS = ("include", "exclude")


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


class Operation:
    """The query parameters that an operation knows.

    Args:
        **parameters: kinds by name.
    """

    def __init__(self, **parameters: Kind) -> None:
        self._kinds = parameters
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def _parse(self, query_string: bytes) -> Parameters:
        """Reads the query parameters of a request.

        Args:
            query_string: as it came.

        Raises:
            InputError: a parameter is unknown, empty, or not of its type.
        """
        if not query_string:
            return Parameters((), {})
        pairs = tuple(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
        collected: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if name not in self._kinds:
                raise InputError(f"Unknown query parameter '{name}'")
            if "\0" in value:
                raise InputError(f"The query parameter '{name}' holds a NUL character")
            collected[name].append(value)
        for name, values in collected.items():
            if values == [""]:
                raise InputError(f"Empty value found for query parameter '{name}'")
        numbers = {name: _number(name, values) for name, values in collected.items() if self._kinds[name] == "number"}
        for name, values in collected.items():
            if self._kinds[name] == "total-items" and values[-1] not in TOTAL_ITEMS:
                allowed = ", ".join(TOTAL_ITEMS)
                raise InputError(f"request/query/{name} must be equal to one of the allowed values: {allowed}")
        return Parameters(pairs, {name: tuple(values) for name, values in collected.items()}, numbers)


def _number(name: str, values: list[str]) -> int:
    text = values[-1].strip()
    try:
        number = float(text)
    except ValueError:
        raise InputError(f"request/query/{name} must be integer") from None
    if not number.is_integer() or len(values) > 1:
        raise InputError(f"request/query/{name} must be integer")
    if number < 0:
        raise InputError(f"request/query/{name} must be >= 0")
    if number > LARGEST_NUMBER:
        raise InputError(f"request/query/{name} must be <= {LARGEST_NUMBER}")
    return int(number)

"""Telling objects and arrays apart in plain data, in a way that type checkers follow."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tells whether a value is an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Tells whether a value is an array; text is none."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)

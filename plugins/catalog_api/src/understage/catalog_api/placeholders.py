"""Placeholders: objects such as `{$text: ./api.yaml}` in an entity that stand for what is somewhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from understage.catalog_api.processing import Emit


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder, and what its resolver may use.

    Attributes:
        key: its name, without the dollar sign.
        value: what the entity says, any JSON value.
        base_url: the address of the file that the entity is in.
        read: returns the bytes at an address.
        resolve_url: returns an address that is given relative to another one: `resolve_url(url, base)`.
        emit: takes refresh keys and whatever else was found.
    """

    key: str
    value: Any
    base_url: str
    read: Callable[[str], Awaitable[bytes]]
    resolve_url: Callable[[str, str], str]
    emit: Emit


class PlaceholderResolver(Protocol):
    """Finds out what a placeholder stands for."""

    async def __call__(self, placeholder: Placeholder, /) -> Any:
        """Returns the JSON value that takes the place of the placeholder.

        Args:
            placeholder: the placeholder.

        Raises:
            UnderstageError: there is no such value; the entity is not processed then, and the error is shown with it.
        """
        ...

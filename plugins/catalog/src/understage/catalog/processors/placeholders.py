"""Replaces placeholders in entities by what they stand for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from understage.catalog_api import (
    CatalogProcessor,
    Emit,
    EntityJson,
    LocationRef,
    Placeholder,
    PlaceholderResolver,
    ProcessorCache,
)


class PlaceholderProcessor(CatalogProcessor):
    """Replaces each object that has one key only, with a dollar sign and the name of a resolver.

    Args:
        resolvers: by name, without the dollar sign.
        read: returns the bytes at an address.
        resolve_url: resolves addresses relative to others.
    """

    def __init__(
        self,
        resolvers: Mapping[str, PlaceholderResolver],
        read: Callable[[str], Awaitable[bytes]],
        resolve_url: Callable[[str, str], str],
    ) -> None:
        self._resolvers = resolvers
        self._read = read
        self._resolve_url = resolve_url

    @property
    def name(self) -> str:
        """The name by which configuration knows it."""
        return "PlaceholderProcessor"

    def depends_only_on(self, entity: EntityJson) -> bool:
        """Tells whether there is no placeholder, so that nothing is read."""
        return not _has_placeholders(entity)

    async def pre_process_entity(
        self, entity: EntityJson, *, location: LocationRef, origin: LocationRef, emit: Emit, cache: ProcessorCache
    ) -> EntityJson:
        """Replaces the placeholders; most entities have none, and stay as they are."""
        if not _has_placeholders(entity):
            return entity
        replaced: EntityJson = await self._replace(entity, location.target, emit)
        return replaced

    async def _replace(self, value: Any, base_url: str, emit: Emit) -> Any:
        if isinstance(value, list):
            return [await self._replace(item, base_url, emit) for item in value]
        if not isinstance(value, dict):
            return value
        if not any(key.startswith("$") for key in value):
            return {key: await self._replace(item, base_url, emit) for key, item in value.items()}
        resolver = self._resolvers.get(next(iter(value))[1:]) if len(value) == 1 else None
        if resolver is None:
            return value
        ((key, given),) = value.items()
        return await resolver(Placeholder(key[1:], given, base_url, self._read, self._resolve_url, emit))


def _has_placeholders(entity: EntityJson) -> bool:
    # Every entity passes here again and again: whether any text begins with a dollar sign shows several times faster.
    return _may_have_placeholders(entity) and _has_placeholder_keys(entity)


def _may_have_placeholders(entity: EntityJson) -> bool:
    try:
        return b'"$' in msgspec.json.encode(entity)
    except (TypeError, ValueError, RecursionError):
        return True  # a processor has put something into it that is not JSON


def _has_placeholder_keys(entity: EntityJson) -> bool:
    waiting: list[dict[str, Any] | list[Any]] = [entity]
    for container in waiting:
        if isinstance(container, dict):
            if any(key[:1] == "$" for key in container):
                return True
            values: Iterable[Any] = container.values()
        else:
            values = container
        for value in values:
            if type(value) is not str and isinstance(value, dict | list):
                waiting.append(value)  # noqa: PERF401 - there is hardly ever one to append
    return False

"""The processors in their order, by the steps that they take part in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from understage.catalog.config import ProcessorOptions
from understage.catalog_api import CatalogProcessor
from understage.errors import ConflictError


class Processors:
    """The processors of this backend.

    Args:
        processors: the built-in ones first.
        options: what the configuration says of them, by name.

    Attributes:
        before: those that change entities before validation.
        kinds: those that know kinds.
        readers: those that read locations.
        after: those that change entities after validation.
        of_all_kinds: those that do more than to read locations.

    Raises:
        ConflictError: two have the same name.
    """

    def __init__(
        self, processors: Iterable[CatalogProcessor], options: Mapping[str, ProcessorOptions] | None = None
    ) -> None:
        settings = options or {}
        enabled = [one for one in processors if not settings.get(one.name, ProcessorOptions()).disabled]
        _check_names(enabled)
        self.all = sorted(enabled, key=lambda one: _priority(one, settings))
        self.before = self._overriding("pre_process_entity")
        self.kinds = self._overriding("validate_entity_kind")
        self.readers = self._overriding("read_location")
        self.after = self._overriding("post_process_entity")
        self.of_all_kinds = [one for one in self.all if one in self.before or one in self.kinds or one in self.after]

    def _overriding(self, step: str) -> list[CatalogProcessor]:
        inherited = getattr(CatalogProcessor, step)
        return [one for one in self.all if getattr(type(one), step) is not inherited]


def _priority(processor: CatalogProcessor, options: Mapping[str, ProcessorOptions]) -> int:
    configured = options[processor.name].priority if processor.name in options else None
    return processor.priority if configured is None else configured


def _check_names(processors: Sequence[CatalogProcessor]) -> None:
    seen: dict[str, CatalogProcessor] = {}
    for processor in processors:
        other = seen.setdefault(processor.name, processor)
        if other is not processor:
            raise ConflictError(
                f"two processors are named '{processor.name}': {type(other).__module__} and "
                f"{type(processor).__module__}; give one of them another name"
            )

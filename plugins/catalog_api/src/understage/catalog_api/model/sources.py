"""Where layers of the catalog model come from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from understage.catalog_api.model.default_layer import DEFAULT_LAYER
from understage.catalog_api.model.layers import ModelLayer


class ModelSource(Protocol):
    """Brings layers."""

    def read(self) -> AsyncIterator[Sequence[ModelLayer]]:
        """Yields all layers of this source. The catalog starts when every source has done so once."""
        ...


class StaticModelSource:
    """Brings layers that never change; implements `ModelSource`.

    Args:
        layers: the layers.
    """

    def __init__(self, layers: Sequence[ModelLayer]) -> None:
        self.layers: tuple[ModelLayer, ...] = tuple(layers)

    async def read(self) -> AsyncIterator[Sequence[ModelLayer]]:
        """Yields the layers."""
        yield self.layers


def static_model(*layers: ModelLayer) -> ModelSource:
    """Returns a source of the built-in kinds and of further layers.

    Args:
        *layers: what comes in addition.
    """
    return StaticModelSource([DEFAULT_LAYER, *layers])

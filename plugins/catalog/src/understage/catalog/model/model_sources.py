"""Reads the catalog model when the catalog starts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from understage.catalog_api.model import CatalogModel, ModelLayer, ModelSource, compile_model
from understage.plugin_api import LoggerService

WARNING_SECONDS = 3.0


async def read_model(sources: Sequence[ModelSource], logger: LoggerService) -> CatalogModel:
    """Waits for all sources to say what they have, once, and puts it together.

    Args:
        sources: where layers come from.
        logger: is told while a source keeps the catalog waiting.

    Raises:
        InputError: layers contradict each other, or a source has none to give.
    """
    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(_first(source)) for source in sources]
        warning = group.create_task(_warn(reading, logger))
        await asyncio.wait(reading)
        warning.cancel()
    layers = [layer for one in reading for layer in one.result()]
    model = await asyncio.to_thread(compile_model, layers)
    ids = sorted({layer.id for layer in layers})
    logger.info("Read the catalog model", layers=ids)
    return model


async def _first(source: ModelSource) -> Sequence[ModelLayer]:
    async for layers in source.read():
        return layers
    return ()


async def _warn(reading: Sequence[asyncio.Task[Sequence[ModelLayer]]], logger: LoggerService) -> None:
    while True:
        await asyncio.sleep(WARNING_SECONDS)
        waiting = sum(not one.done() for one in reading)
        logger.warning("The catalog waits for sources of its model", waiting=waiting, sources=len(reading))

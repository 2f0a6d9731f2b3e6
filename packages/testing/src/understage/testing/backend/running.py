"""Remembers test backends that run, so that none outlives its test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understage.testing.backend.start import TestBackend

running_backends: set[TestBackend] = set()


async def stop_backends_started_since(before: frozenset[TestBackend]) -> None:
    """Stops test backends that still run.

    Args:
        before: those that may go on: they ran already at that time.
    """
    for backend in [backend for backend in running_backends if backend not in before]:
        await backend.stop()

"""Offers the catalog's actions."""

from __future__ import annotations

from understage.catalog.actions.entity_actions import register_entity_actions
from understage.catalog.actions.location_actions import register_location_actions
from understage.catalog.actions.model_actions import register_model_actions
from understage.catalog.actions.operations import Operations
from understage.plugin_api import ActionsRegistryService


def register_actions(registry: ActionsRegistryService, operations: Operations) -> None:
    """Offers all of them.

    Args:
        registry: where.
        operations: does what they are for.
    """
    register_model_actions(registry, operations)
    register_entity_actions(registry, operations)
    register_location_actions(registry, operations)

"""What modules have added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from understage.catalog_module_incremental_ingestion.options import IncrementalOptions
from understage.catalog_module_incremental_ingestion.providers import (
    IncrementalEntityProvider,
    IncrementalEventHandler,
)
from understage.errors import ConflictError


@dataclass(frozen=True, slots=True)
class AddedProvider:
    """A provider and how it is run.

    Attributes:
        provider: the provider.
        options: when it works, and when what it says is not believed.
        event_handler: tells what events change in its source.
    """

    provider: IncrementalEntityProvider[Any, Any]
    options: IncrementalOptions
    event_handler: IncrementalEventHandler | None = None


class AddedProviders:
    """Collects providers; implements `IncrementalIngestionExtensionPoint`.

    Attributes:
        by_name: the providers by their names.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, AddedProvider] = {}

    def add_provider(
        self,
        provider: IncrementalEntityProvider[Any, Any],
        options: IncrementalOptions,
        *,
        event_handler: IncrementalEventHandler | None = None,
    ) -> None:
        """Adds a provider.

        Raises:
            ConflictError: another one has the same name.
        """
        other = self.by_name.get(provider.name)
        if other is not None:
            raise ConflictError(
                f"the incremental provider '{provider.name}' is added twice: {type(other.provider).__module__} and "
                f"{type(provider).__module__}; what providers bring is remembered by their names, so give one another"
            )
        self.by_name[provider.name] = AddedProvider(provider, options, event_handler)

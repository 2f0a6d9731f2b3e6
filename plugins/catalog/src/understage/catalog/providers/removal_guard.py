"""Keeps a provider from deleting nearly everything that it has brought, because its source has failed."""

from __future__ import annotations

from dataclasses import dataclass

from understage.catalog.config import CatalogConfig, RemovalGuardConfig
from understage.catalog_api import RemovalRefusedError

DEFAULT_MAX_PERCENTAGE = 50.0
DEFAULT_MINIMUM = 20


@dataclass(frozen=True, slots=True)
class RemovalGuard:
    """Says whether a full mutation may remove as much as it would.

    Attributes:
        max_percentage: how much of what a provider has brought may go at once.
        minimum: so many may go at once in any case, as long as something is left.
    """

    max_percentage: float = DEFAULT_MAX_PERCENTAGE
    minimum: int = DEFAULT_MINIMUM

    def check(self, provider: str, before: int, removed: int, brought: int) -> None:
        """Refuses a mutation that removes too much.

        Args:
            provider: its name.
            before: how many entities it has brought until now.
            removed: how many of them would go.
            brought: how many it brings now.

        Raises:
            RemovalRefusedError: it would remove all, or too many of them.
        """
        if removed == 0:
            return
        everything = brought == 0
        if not everything and (removed <= self.minimum or removed * 100 <= self.max_percentage * before):
            return
        limit = "all that it has brought" if everything else f"more than {self.max_percentage:g} %"
        raise RemovalRefusedError(
            f"the entity provider '{provider}' would remove {removed} of its {before} entities, which is {limit}: "
            "nothing was changed, because its source may be failing. If they are really gone, let the provider pass "
            f"force=True, or set catalog.providerOptions.{provider}.removalGuard to false until it has run"
        )


def removal_guard(settings: CatalogConfig, provider: str) -> RemovalGuard | None:
    """Returns the guard of a provider, or None if it has none.

    Args:
        settings: the catalog's configuration.
        provider: its name.
    """
    options = settings.provider_options.get(provider)
    chosen = None if options is None else options.removal_guard
    general = settings.removal_guard
    if chosen is False or (chosen is None and general is False):
        return None
    return _merged(chosen or None, general or None)


def _merged(chosen: RemovalGuardConfig | None, general: RemovalGuardConfig | None) -> RemovalGuard:
    percentage, minimum = DEFAULT_MAX_PERCENTAGE, DEFAULT_MINIMUM
    for config in (general, chosen):
        if config is not None:
            percentage = percentage if config.max_percentage is None else config.max_percentage
            minimum = minimum if config.minimum is None else config.minimum
    return RemovalGuard(percentage, minimum)

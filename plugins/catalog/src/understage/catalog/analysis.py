"""Suggests how a repository that is not in the catalog could be described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from understage.catalog_api import (
    EntityJson,
    LocationAnalysis,
    LocationRef,
    ScmLocationAnalyzer,
    SuggestedEntity,
)
from understage.errors import InputError
from understage.integration import RepositoryIntegration, RepositoryUrl, ScmIntegrations
from understage.plugin_api import Credentials

# What annotations call a host is what its kind is called in public, on whatever host an installation has it.
_ANNOTATION_PREFIXES = {
    "azure": "dev.azure.com",
    "bitbucketCloud": "bitbucket.org",
    "github": "github.com",
    "gitlab": "gitlab.com",
}


class RepositoryAnalyzer:
    """Finds the entity files of a repository, or suggests a Component; implements `LocationAnalyzer`.

    Args:
        integrations: know the addresses of source hosts.
        analyzers: find entity files on source hosts.
    """

    def __init__(self, integrations: ScmIntegrations, analyzers: Sequence[ScmLocationAnalyzer]) -> None:
        self._integrations = integrations
        self._analyzers = analyzers

    async def analyze_location(
        self, location: LocationRef, *, catalog_filename: str | None, credentials: Credentials[Any]
    ) -> LocationAnalysis:
        """Returns the entity files that are there, or else a Component to begin with.

        Args:
            location: a repository, folder or file.
            catalog_filename: the name of entity files there, if it is not the usual one.
            credentials: of who asks.

        Raises:
            InputError: the target is no address.
        """
        entity = suggested_component(location.target, self._integrations)
        analyzer = next((one for one in self._analyzers if one.supports(location.target)), None)
        if analyzer is not None:
            existing = await analyzer.analyze(location.target, catalog_filename=catalog_filename)
            if existing:
                return LocationAnalysis(list(existing), [])
        return LocationAnalysis([], [SuggestedEntity(entity, [])])


def suggested_component(target: str, integrations: ScmIntegrations) -> EntityJson:
    """Returns a Component to begin with; it is named after its repository, or the last part of another address.

    Args:
        target: the address of a repository or file.
        integrations: know the addresses of source hosts.

    Raises:
        InputError: it is no address.
    """
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise InputError("The given location.target is not a URL") from error
    if not parts.scheme or not parts.netloc:
        raise InputError("The given location.target is not a URL")
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]).removesuffix(".git") or parts.netloc
    metadata: EntityJson = {"name": name}
    integration = integrations.by_url(target)
    if isinstance(integration, RepositoryIntegration):
        try:
            place = integration.parse_url(target)
        except InputError:
            pass  # an address of the host that is in no repository is named like any other
        else:
            metadata["name"] = place.name
            prefix = _ANNOTATION_PREFIXES.get(integration.type)
            if prefix is not None:
                metadata["annotations"] = {f"{prefix}/project-slug": _slug(place, integration.type)}
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": metadata,
        "spec": {"type": "other", "lifecycle": "unknown"},
    }


def _slug(place: RepositoryUrl, host_type: str) -> str:
    """Returns what annotations call a repository: on Azure the organisation is not part of it."""
    return f"{place.owner.rpartition('/')[2]}/{place.name}" if host_type == "azure" else place.full_name

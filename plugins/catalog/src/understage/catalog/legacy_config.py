"""Settings of old that would silently do nothing: they are told at start."""

from __future__ import annotations

import os
from collections.abc import Iterable

from understage.catalog.config import CatalogConfig
from understage.config import Config, ConfigError

SKIP_VARIABLE = "BACKSTAGE_CATALOG_SKIP_MISSING_PROCESSORS_CHECK"

_MOVED = {
    "catalog.processors.github": "integrations.github",
    "catalog.processors.gitlabApi": "integrations.gitlab",
    "catalog.processors.bitbucketApi": "integrations.bitbucketCloud or integrations.bitbucketServer",
    "catalog.processors.azureApi": "integrations.azure",
}
_REMOVED = {
    "catalog.stitchingStrategy.mode": "stitching is always done in the background",
    "catalog.enableRelationsCompatibility": "relations have 'targetRef' only",
}
_PROCESSORS = {
    "aws-cloud-accounts": "AwsOrganizationCloudAccountProcessor",
    "s3-discovery": "AwsS3DiscoveryProcessor",
    "azure-discovery": "AzureDevOpsDiscoveryProcessor",
    "bitbucket-discovery": "BitbucketDiscoveryProcessor",
    "github-discovery": "GithubDiscoveryProcessor",
    "github-org": "GithubOrgReaderProcessor",
    "gitlab-discovery": "GitLabDiscoveryProcessor",
    "ldap-org": "LdapOrgReaderProcessor",
    "microsoft-graph-org": "MicrosoftGraphOrgReaderProcessor",
}


def find_removed_settings(config: Config) -> list[str]:
    """Returns what to tell of settings that have no effect any more, and do no harm either.

    Args:
        config: the root configuration.
    """
    return [f"{key} is not read any more: {reason}; remove it" for key, reason in _REMOVED.items() if config.has(key)]


def check_legacy_settings(config: Config, settings: CatalogConfig, processor_names: Iterable[str]) -> None:
    """Checks that nobody relies on settings and processors of old.

    Args:
        config: the root configuration.
        settings: its section `catalog`.
        processor_names: the processors that are there.

    Raises:
        ConfigError: a setting has moved, or the processor of a configured location is missing.
    """
    for key, home in _MOVED.items():
        if config.has(key):
            raise ConfigError(f"{key} is not read any more: move it to {home}", key=key)
    if os.environ.get(SKIP_VARIABLE):
        return
    known = set(processor_names)
    for index, location in enumerate(settings.locations):
        processor = _PROCESSORS.get(location.type)
        if processor is not None and processor not in known:
            raise ConfigError(
                f"locations of the type {location.type} are read by the processor {processor}, which no module of this "
                f"backend brings: add the module, remove the location, or set {SKIP_VARIABLE}=true",
                key=f"catalog.locations[{index}].type",
            )

"""The readers that the configuration describes: one for each integration, and plain fetching for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from understage.config import Config
from understage.defaults.url_reader.allow_rules import AllowRules
from understage.defaults.url_reader.archives import TreeLimits
from understage.defaults.url_reader.azure_host import AzureHost
from understage.defaults.url_reader.bitbucket_cloud_host import BitbucketCloudHost
from understage.defaults.url_reader.bitbucket_server_host import BitbucketServerHost
from understage.defaults.url_reader.fetch_reader import FetchReader
from understage.defaults.url_reader.gcs_store import GcsStore
from understage.defaults.url_reader.gerrit_host import GerritHost
from understage.defaults.url_reader.gitea_host import GiteaHost
from understage.defaults.url_reader.github_host import GithubHost
from understage.defaults.url_reader.gitlab_host import GitlabHost
from understage.defaults.url_reader.integration_checks import IntegrationHops
from understage.defaults.url_reader.object_reader import ObjectReader, ObjectStore
from understage.defaults.url_reader.repository_reader import RepositoryHost, RepositoryReader
from understage.defaults.url_reader.s3_store import S3Store
from understage.defaults.url_reader.transport import Transport
from understage.errors import UnderstageError
from understage.integration import (
    AwsCredentials,
    AzureCredentials,
    BitbucketCloudCredentials,
    GithubCredentials,
    GoogleCredentials,
    Integration,
    ScmIntegrations,
)
from understage.integration.aws_s3 import AMAZON, is_amazon_store
from understage.plugin_api import LoggerService, RootHttpClientService, UrlReaderService

_SECTIONS: Final = ("integrations", "backend.reading", "backend.workingDirectory")
Choice: TypeAlias = tuple[Callable[[SplitResult], bool], UrlReaderService]


@dataclass(frozen=True, slots=True)
class ReaderSet:
    """The readers of one state of the configuration.

    Attributes:
        choices: asked in turn.
        fallback: reads what none of them accepts.
    """

    choices: tuple[Choice, ...]
    fallback: UrlReaderService

    def find(self, url: str) -> UrlReaderService:
        """Returns the reader of an address."""
        parts = urlsplit(url)
        return next((reader for accepts, reader in self.choices if accepts(parts)), self.fallback)


class BuiltInReaders:
    """The readers of the configuration; changes of it apply at once.

    Args:
        config: the whole configuration.
        logger: told when a changed configuration cannot be used; what was known before stays in use then.
        http_client: asks for access tokens.
        transport: makes all other requests.

    Raises:
        ConfigError: the configuration cannot be used.
    """

    def __init__(
        self, config: Config, logger: LoggerService, http_client: RootHttpClientService, transport: Transport
    ) -> None:
        self._config = config
        self._logger = logger
        self._http_client = http_client
        self._transport = transport
        self._sections: object = None
        self._readers = self._read()
        config.subscribe(self._update)

    def find(self, url: str) -> UrlReaderService:
        """Returns the reader of an address in its one spelling."""
        return self._readers.find(url)

    def _read(self) -> ReaderSet:
        rules = AllowRules.from_config(self._config)
        integrations = ScmIntegrations.from_config(self._config)
        folder = self._config.get_optional_string("backend.workingDirectory")
        limits = TreeLimits()
        choices: list[Choice] = [
            (integration.handles, RepositoryReader(host, self._transport, limits, folder))
            for integration, host in self._hosts(integrations, rules)
        ]
        choices += [
            (integration.handles, ObjectReader(store, limits, folder))
            for integration, store in self._stores(integrations, rules)
        ]
        self._sections = self._relevant()
        return ReaderSet(tuple(choices), FetchReader(self._transport, rules))

    def _hosts(self, integrations: ScmIntegrations, rules: AllowRules) -> Iterator[tuple[Integration, RepositoryHost]]:
        transport, http = self._transport, self._http_client
        for azure in integrations.azure.list():
            check = IntegrationHops([azure.host], rules)
            yield azure, AzureHost(azure, AzureCredentials(azure, http), transport, check)
        for cloud in integrations.bitbucket_cloud.list():
            check = IntegrationHops([cloud.host, cloud.api_base_url], rules)
            yield cloud, BitbucketCloudHost(cloud, BitbucketCloudCredentials(cloud, http), transport, check)
        for server in integrations.bitbucket_server.list():
            check = IntegrationHops([server.host, server.api_base_url], rules)
            yield server, BitbucketServerHost(server, transport, check)
        for gerrit in integrations.gerrit.list():
            check = IntegrationHops([gerrit.host, gerrit.base_url, gerrit.gitiles_base_url], rules)
            yield gerrit, GerritHost(gerrit, transport, check)
        for gitea in integrations.gitea.list():
            yield gitea, GiteaHost(gitea, transport, IntegrationHops([gitea.host, gitea.base_url], rules))
        for github in integrations.github.list():
            check = IntegrationHops([github.host, github.api_base_url, github.raw_base_url], rules)
            yield github, GithubHost(github, GithubCredentials(github, http), transport, check)
        for gitlab in integrations.gitlab.list():
            check = IntegrationHops([gitlab.host, gitlab.base_url, gitlab.api_base_url], rules)
            yield gitlab, GitlabHost(gitlab, transport, check)

    def _stores(self, integrations: ScmIntegrations, rules: AllowRules) -> Iterator[tuple[Integration, ObjectStore]]:
        for gcs in integrations.google_gcs.list():
            check = IntegrationHops([gcs.host, gcs.api_base_url], rules)
            yield gcs, GcsStore(gcs, GoogleCredentials(gcs.config, self._http_client), self._transport, check)
        for s3 in integrations.aws_s3.list():
            check = (
                IntegrationHops([], rules, is_amazon_store)
                if s3.host == AMAZON
                else IntegrationHops([s3.endpoint], rules)
            )
            yield s3, S3Store(s3, AwsCredentials(s3.config, self._http_client), self._transport, check)

    def _relevant(self) -> object:
        return [self._config.get_optional(key) for key in _SECTIONS]

    def _update(self) -> None:
        # Tokens that the readers hold would be lost without need.
        if self._relevant() == self._sections:
            return
        try:
            self._readers = self._read()
        except UnderstageError as error:
            message = "The URL reader keeps its previous configuration; the new one cannot be used"
            self._logger.error(message, error=error)

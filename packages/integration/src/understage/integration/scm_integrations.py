"""All integrations of an installation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

from understage.config import Config, ConfigError
from understage.integration.aws_s3 import AMAZON, AwsS3Integration
from understage.integration.azure import AzureIntegration
from understage.integration.base import Integration, resolve_plain
from understage.integration.bitbucket_cloud import BitbucketCloudIntegration
from understage.integration.bitbucket_server import BitbucketServerIntegration
from understage.integration.config import (
    SECTION,
    AwsS3Config,
    AzureConfig,
    AzureCredentialConfig,
    BitbucketCloudConfig,
    BitbucketServerConfig,
    GerritConfig,
    GiteaConfig,
    GithubConfig,
    GitlabConfig,
    IntegrationsConfig,
)
from understage.integration.gerrit import GerritIntegration
from understage.integration.gitea import GiteaIntegration
from understage.integration.github import GithubIntegration
from understage.integration.gitlab import GitlabIntegration
from understage.integration.google_gcs import GoogleGcsIntegration

T = TypeVar("T", bound=Integration)
_HostConfig: TypeAlias = AzureConfig | BitbucketServerConfig | GerritConfig | GiteaConfig | GithubConfig | GitlabConfig


class IntegrationGroup(Generic[T]):
    """The integrations of one kind.

    Args:
        integrations: all of them.
    """

    def __init__(self, integrations: Sequence[T]) -> None:
        self._integrations = tuple(integrations)

    def list(self) -> Sequence[T]:
        """Returns all of them, in the order of the configuration."""
        return self._integrations

    def by_host(self, host: str) -> T | None:
        """Returns the one of a host, given with its port if that is not the scheme's own."""
        return next((item for item in self._integrations if item.host == host.lower()), None)

    def by_url(self, url: str) -> T | None:
        """Returns the one that an address belongs to."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        return next((item for item in self._integrations if item.handles(parts)), None)


class ScmIntegrations:
    """All integrations: those of the configuration, and the public hosts.

    Args:
        config: the `integrations` section.
    """

    def __init__(self, config: IntegrationsConfig) -> None:
        s3 = [AwsS3Integration(item) for item in config.aws_s3]
        azure = [AzureIntegration(item) for item in config.azure]
        cloud = [BitbucketCloudIntegration(item) for item in config.bitbucket_cloud]
        github = [GithubIntegration(item) for item in config.github]
        gitlab = [GitlabIntegration(item) for item in config.gitlab]
        self.aws_s3 = _group(s3, AMAZON, lambda: AwsS3Integration(AwsS3Config()))
        self.azure = _group(azure, "dev.azure.com", lambda: AzureIntegration(AzureConfig(host="dev.azure.com")))
        self.bitbucket_cloud = _group(cloud, "bitbucket.org", lambda: BitbucketCloudIntegration(BitbucketCloudConfig()))
        self.bitbucket_server = IntegrationGroup([BitbucketServerIntegration(item) for item in config.bitbucket_server])
        self.gerrit = IntegrationGroup([GerritIntegration(item) for item in config.gerrit])
        self.gitea = IntegrationGroup([GiteaIntegration(item) for item in config.gitea])
        self.github = _group(github, "github.com", lambda: GithubIntegration(GithubConfig(host="github.com")))
        self.gitlab = _group(gitlab, "gitlab.com", lambda: GitlabIntegration(GitlabConfig(host="gitlab.com")))
        self.google_gcs = IntegrationGroup([GoogleGcsIntegration(config.google_gcs)])
        self._all = IntegrationGroup[Integration](
            [
                *self.azure.list(),
                *self.bitbucket_cloud.list(),
                *self.bitbucket_server.list(),
                *self.gerrit.list(),
                *self.gitea.list(),
                *self.github.list(),
                *self.gitlab.list(),
                *self.google_gcs.list(),
                *self.aws_s3.list(),
            ]
        )

    @classmethod
    def from_config(cls, config: Config) -> ScmIntegrations:
        """Reads the integrations.

        Args:
            config: the whole configuration.

        Raises:
            ConfigError: the section is not valid; the error names file, line and key.
        """
        integrations = config.read(IntegrationsConfig, SECTION)
        _check(integrations, config)
        return cls(integrations)

    def list(self) -> Sequence[Integration]:
        """Returns all integrations."""
        return self._all.list()

    def by_host(self, host: str) -> Integration | None:
        """Returns the integration of a host, given with its port if that is not the scheme's own."""
        return self._all.by_host(host)

    def by_url(self, url: str) -> Integration | None:
        """Returns the integration that an address belongs to."""
        return self._all.by_url(url)

    def resolve_url(self, url: str, base: str, line_number: int | None = None) -> str:
        """Returns the address of something that is named relative to a file.

        Args:
            url: absolute, relative to the file, or with a leading slash relative to the repository's root.
            base: the file's address.
            line_number: a line to point at, counted from 1.
        """
        integration = self.by_url(base)
        if integration is None:
            return resolve_plain(url, base, f"#L{line_number}" if line_number else "")
        return integration.resolve_url(url, base, line_number)

    def resolve_edit_url(self, url: str) -> str:
        """Returns the address at which a person edits a file; its own if there is no such place."""
        integration = self.by_url(url)
        return url if integration is None else integration.resolve_edit_url(url)


def _group(integrations: list[T], default_host: str, default: Callable[[], T]) -> IntegrationGroup[T]:
    known = any(item.host == default_host for item in integrations)
    return IntegrationGroup(integrations if known else [*integrations, default()])


_AZURE_KINDS = (
    "expected in each entry personalAccessToken; or clientId, clientSecret and tenantId; or clientId, tenantId and"
    " managedIdentityClientId; or the clientId of a managed identity alone"
)


def _check(integrations: IntegrationsConfig, config: Config) -> None:
    hosts: dict[str, Sequence[_HostConfig]] = {
        "azure": integrations.azure,
        "bitbucketServer": integrations.bitbucket_server,
        "gerrit": integrations.gerrit,
        "gitea": integrations.gitea,
        "github": integrations.github,
        "gitlab": integrations.gitlab,
    }
    for kind, entries in hosts.items():
        for index, entry in enumerate(entries):
            _check_host(entry.host, config, kind, index)
            for name, url in (
                ("apiBaseUrl", getattr(entry, "api_base_url", None)),
                ("baseUrl", getattr(entry, "base_url", None)),
                ("rawBaseUrl", getattr(entry, "raw_base_url", None)),
                ("gitilesBaseUrl", getattr(entry, "gitiles_base_url", None)),
            ):
                _check_url(url, config, (kind, index, name))
    for index, store in enumerate(integrations.aws_s3):
        _check_url(store.endpoint, config, ("awsS3", index, "endpoint"))
        if bool(store.access_key_id) != bool(store.secret_access_key):
            _refuse(
                config, ("awsS3", index, "accessKeyId"), "expected both accessKeyId and secretAccessKey, or neither"
            )
        if store.external_id and not store.role_arn:
            _refuse(config, ("awsS3", index, "externalId"), "expected roleArn, too: the ID goes with a role")
    for index, azure in enumerate(integrations.azure):
        if not all(map(_is_complete, azure.credentials)):
            _refuse(config, ("azure", index, "credentials"), _AZURE_KINDS)


def _is_complete(entry: AzureCredentialConfig) -> bool:
    given = {
        name
        for name in ("client_id", "client_secret", "tenant_id", "managed_identity_client_id")
        if getattr(entry, name) is not None
    }
    if entry.personal_access_token is not None:
        return not given
    return given == {"client_id"} or (
        given in ({"client_id", "tenant_id", name} for name in ("client_secret", "managed_identity_client_id"))
    )


def _check_host(host: str, config: Config, kind: str, index: int) -> None:
    try:
        parts = urlsplit(f"//{host}")
        valid = parts.netloc == host and bool(parts.hostname) and "@" not in host and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        _refuse(
            config, (kind, index, "host"), f"expected a host such as 'git.example.net' or with a port, got '{host}'"
        )


def _check_url(url: str | None, config: Config, path: tuple[str, int, str]) -> None:
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        _refuse(config, path, f"expected an absolute http or https address, got '{url}'")


def _refuse(config: Config, path: tuple[str, int, str], message: str) -> None:
    kind, index, name = path
    raise ConfigError(message, key=f"{SECTION}.{kind}[{index}].{name}", location=config.location_of([SECTION, *path]))

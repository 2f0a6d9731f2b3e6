"""Integrations with source hosts: their configuration, URLs and credentials."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from understage.integration.aws_credentials import AwsCredentials
    from understage.integration.aws_s3 import AwsS3Integration, ObjectUrl
    from understage.integration.azure import AzureIntegration
    from understage.integration.azure_credentials import AzureCredentials
    from understage.integration.base import Integration, RepositoryIntegration
    from understage.integration.bitbucket_cloud import BitbucketCloudIntegration
    from understage.integration.bitbucket_server import BitbucketServerIntegration
    from understage.integration.config import IntegrationsConfig
    from understage.integration.gerrit import GerritIntegration
    from understage.integration.gitea import GiteaIntegration
    from understage.integration.github import GithubIntegration
    from understage.integration.github_credentials import GithubCredentials
    from understage.integration.gitlab import GitlabIntegration
    from understage.integration.google_gcs import GoogleGcsIntegration
    from understage.integration.host_credentials import BitbucketCloudCredentials, GoogleCredentials
    from understage.integration.repository_url import RepositoryUrl
    from understage.integration.scm_integrations import IntegrationGroup, ScmIntegrations

__all__ = [
    "AwsCredentials",
    "AwsS3Integration",
    "AzureCredentials",
    "AzureIntegration",
    "BitbucketCloudCredentials",
    "BitbucketCloudIntegration",
    "BitbucketServerIntegration",
    "GerritIntegration",
    "GiteaIntegration",
    "GithubCredentials",
    "GithubIntegration",
    "GitlabIntegration",
    "GoogleCredentials",
    "GoogleGcsIntegration",
    "Integration",
    "IntegrationGroup",
    "IntegrationsConfig",
    "ObjectUrl",
    "RepositoryIntegration",
    "RepositoryUrl",
    "ScmIntegrations",
]

# The schema of the configuration is read at every start, also of backends that read nothing.
_HOMES: Final = {
    "AwsCredentials": "aws_credentials",
    "AwsS3Integration": "aws_s3",
    "AzureCredentials": "azure_credentials",
    "AzureIntegration": "azure",
    "BitbucketCloudCredentials": "host_credentials",
    "BitbucketCloudIntegration": "bitbucket_cloud",
    "BitbucketServerIntegration": "bitbucket_server",
    "GerritIntegration": "gerrit",
    "GiteaIntegration": "gitea",
    "GithubCredentials": "github_credentials",
    "GithubIntegration": "github",
    "GitlabIntegration": "gitlab",
    "GoogleCredentials": "host_credentials",
    "GoogleGcsIntegration": "google_gcs",
    "Integration": "base",
    "IntegrationGroup": "scm_integrations",
    "IntegrationsConfig": "config",
    "ObjectUrl": "aws_s3",
    "RepositoryIntegration": "base",
    "RepositoryUrl": "repository_url",
    "ScmIntegrations": "scm_integrations",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value

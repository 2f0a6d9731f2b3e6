"""Integrations with source hosts: their configuration, URLs and credentials."""

from understage.integration.aws_s3 import AwsS3Integration, ObjectUrl
from understage.integration.azure import AzureIntegration
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
from understage.integration.host_credentials import AzureCredentials, BitbucketCloudCredentials, GoogleCredentials
from understage.integration.repository_url import RepositoryUrl
from understage.integration.scm_integrations import IntegrationGroup, ScmIntegrations

__all__ = [
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

"""The `integrations` section of the configuration."""

from __future__ import annotations

from typing import Any

import msgspec

from understage.config import Frontend, Secret, config_schema

SECTION = "integrations"


class GithubAppConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A GitHub App whose installations grant access.

    Attributes:
        app_id: the app's id.
        private_key: its RSA key, PEM.
        client_id: its OAuth client.
        client_secret: that client's secret.
        webhook_secret: signs its webhooks.
        allowed_installation_owners: users and organizations for which the app is used; all if absent.
        public_access: whether the app's token also reads public repositories where it is not installed.
    """

    app_id: int | str
    private_key: Secret[str]
    client_id: str
    client_secret: Secret[str]
    webhook_secret: Secret[str] | None = None
    allowed_installation_owners: list[str] | None = None
    public_access: bool = False


class GithubConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A GitHub host.

    Attributes:
        host: such as `github.com`.
        token: a personal access token.
        api_base_url: such as `https://ghe.example.net/api/v3`.
        raw_base_url: where raw files are, for reading without a token.
        apps: GitHub Apps.
    """

    host: Frontend[str]
    token: Secret[str] | None = None
    api_base_url: Frontend[str] | None = None
    raw_base_url: Frontend[str] | None = None
    apps: list[GithubAppConfig] = []


class GitlabRetryConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How failed requests to GitLab are repeated.

    Attributes:
        max_retries: how often.
        retry_status_codes: after which statuses.
        max_api_requests_per_minute: how many requests per minute are made at most; not positive means any number.
    """

    max_retries: Frontend[int] = 0
    retry_status_codes: Frontend[list[int]] = []
    max_api_requests_per_minute: Frontend[int] = -1


class GitlabConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A GitLab host.

    Attributes:
        host: such as `gitlab.com`, with the port if there is one.
        token: an access token.
        api_base_url: such as `https://gitlab.example.net/api/v4`.
        base_url: the web root, with the relative path of the installation if it has one.
        commit_signing_key: signs commits.
        retry: accepted for configurations of Backstage; the back-off of all hosts applies instead.
    """

    host: Frontend[str]
    token: Secret[str] | None = None
    api_base_url: Frontend[str] | None = None
    base_url: Frontend[str] | None = None
    commit_signing_key: Secret[str] | None = None
    retry: GitlabRetryConfig | None = None


class BitbucketCloudConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Bitbucket Cloud.

    Attributes:
        username: whose token or app password it is.
        token: an API token, used with the user name.
        app_password: the older form of a token.
        client_id: an OAuth consumer, used instead of a user.
        client_secret: that consumer's secret.
        commit_signing_key: signs commits.
        api_base_url: the REST API, by default that of bitbucket.org.
        host: `bitbucket.org`.
    """

    username: Secret[str] | None = None
    token: Secret[str] | None = None
    app_password: Secret[str] | None = None
    client_id: Secret[str] | None = None
    client_secret: Secret[str] | None = None
    commit_signing_key: Secret[str] | None = None
    api_base_url: Frontend[str] | None = None
    host: Frontend[str] = "bitbucket.org"


class BitbucketServerConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A Bitbucket Server or Data Center host.

    Attributes:
        host: such as `bitbucket.example.net`.
        token: an access token.
        username: a user, where there is no token.
        password: the user's password.
        api_base_url: such as `https://bitbucket.example.net/rest/api/1.0`.
        commit_signing_key: signs commits.
    """

    host: Frontend[str]
    token: Secret[str] | None = None
    username: Secret[str] | None = None
    password: Secret[str] | None = None
    api_base_url: Frontend[str] | None = None
    commit_signing_key: Secret[str] | None = None


class AzureCredentialConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One way in to Azure DevOps: a personal access token, an application of Entra ID, or a managed identity.

    Attributes:
        organizations: for which it counts; all if absent.
        personal_access_token: a token of a user.
        client_id: an application; without a tenant a managed identity, `system-assigned` or its client ID.
        client_secret: the application's secret.
        tenant_id: the application's tenant.
        managed_identity_client_id: a managed identity that stands for the application, instead of a secret.
    """

    organizations: list[str] | None = None
    personal_access_token: Secret[str] | None = None
    client_id: str | None = None
    client_secret: Secret[str] | None = None
    tenant_id: str | None = None
    managed_identity_client_id: str | None = None


class AzureConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An Azure DevOps host.

    Attributes:
        host: such as `dev.azure.com`.
        credentials: the first that fits an organization counts.
        token: a personal access token, the older form.
        commit_signing_key: signs commits.
    """

    host: Frontend[str]
    credentials: list[AzureCredentialConfig] = []
    token: Secret[str] | None = None
    commit_signing_key: Secret[str] | None = None


class GiteaConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A Gitea or Forgejo host.

    Attributes:
        host: such as `gitea.example.net`.
        base_url: the web root, `https://<host>` by default.
        username: a user; without one the password is a token.
        password: the user's password, or a token.
        commit_signing_key: signs commits.
    """

    host: Frontend[str]
    base_url: Frontend[str] | None = None
    username: Secret[str] | None = None
    password: Secret[str] | None = None
    commit_signing_key: Secret[str] | None = None


class GerritConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A Gerrit host.

    Attributes:
        host: such as `gerrit.example.net`.
        gitiles_base_url: where Gitiles is, such as `https://gerrit.example.net/gitiles`.
        base_url: the root of Gerrit, `https://<host>` by default.
        clone_url: where repositories are cloned from, the root of Gerrit by default.
        disable_edit_url: whether addresses for editing are left as they are.
        username: a user.
        password: the user's HTTP password.
        commit_signing_key: signs commits.
    """

    host: Frontend[str]
    gitiles_base_url: Frontend[str]
    base_url: Frontend[str] | None = None
    clone_url: Frontend[str] | None = None
    disable_edit_url: Frontend[bool] = False
    username: Secret[str] | None = None
    password: Secret[str] | None = None
    commit_signing_key: Secret[str] | None = None


class AwsS3Config(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Amazon S3, or a store that speaks its protocol.

    Attributes:
        endpoint: the store, `https://amazonaws.com` by default.
        s3_force_path_style: whether the bucket is the first segment of the path, not part of the host.
        access_key_id: an access key; without one the environment's, else requests are anonymous.
        secret_access_key: its secret.
        role_arn: a role to take on with these keys.
        external_id: goes with the role.
        region: of a store whose host does not tell it; `us-east-1` by default.
    """

    endpoint: Frontend[str] | None = None
    s3_force_path_style: Frontend[bool] = False
    access_key_id: str | None = None
    secret_access_key: Secret[str] | None = None
    role_arn: str | None = None
    external_id: str | None = None
    region: str | None = None


class GoogleGcsConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Google Cloud Storage.

    Attributes:
        client_email: a service account; without one requests are anonymous.
        private_key: the account's key, PEM.
    """

    client_email: str | None = None
    private_key: Secret[str] | None = None


class IntegrationsConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Hosts of sources, by kind. The public hosts are known without being listed.

    Attributes:
        aws_s3: S3 stores.
        azure: Azure DevOps hosts.
        bitbucket_cloud: Bitbucket Cloud.
        bitbucket_server: Bitbucket Server hosts.
        gerrit: Gerrit hosts.
        gitea: Gitea hosts.
        github: GitHub hosts.
        gitlab: GitLab hosts.
        google_gcs: Google Cloud Storage.
    """

    aws_s3: list[AwsS3Config] = []
    azure: list[AzureConfig] = []
    bitbucket_cloud: list[BitbucketCloudConfig] = []
    bitbucket_server: list[BitbucketServerConfig] = []
    gerrit: list[GerritConfig] = []
    gitea: list[GiteaConfig] = []
    github: list[GithubConfig] = []
    gitlab: list[GitlabConfig] = []
    google_gcs: GoogleGcsConfig = GoogleGcsConfig()


def schema() -> dict[str, Any]:
    """Returns the schema of the `integrations` section."""
    return config_schema(IntegrationsConfig, at=SECTION)

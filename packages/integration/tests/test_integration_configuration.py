"""The `integrations` section, and what is known without it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from understage.config import ConfigError, ConfigSchema, config_from_data
from understage.integration import ScmIntegrations
from understage.integration.config import schema


def read(data: Any = None) -> ScmIntegrations:
    return ScmIntegrations.from_config(config_from_data({"integrations": data} if data else {}))


def test_public_hosts_are_known() -> None:
    """S60: the public hosts are known without configuration, with the addresses of their APIs."""
    integrations = read()
    assert {(item.type, item.title) for item in integrations.list()} == {
        ("awsS3", "amazonaws.com"),
        ("azure", "dev.azure.com"),
        ("bitbucketCloud", "bitbucket.org"),
        ("github", "github.com"),
        ("gitlab", "gitlab.com"),
        ("googleGcs", "storage.cloud.google.com"),
    }
    (github,), (gitlab,), (cloud,) = (
        integrations.github.list(),
        integrations.gitlab.list(),
        integrations.bitbucket_cloud.list(),
    )
    assert (github.api_base_url, github.raw_base_url) == (
        "https://api.github.com",
        "https://raw.githubusercontent.com",
    )
    assert (gitlab.base_url, gitlab.api_base_url) == ("https://gitlab.com", "https://gitlab.com/api/v4")
    assert cloud.api_base_url == "https://api.bitbucket.org/2.0"


def test_configured_hosts_come_with_the_public_ones() -> None:
    """S60: a configured host is added to the public one of its kind, or takes its place; hosts are found by name."""
    integrations = read({"github": [{"host": "GHE.example"}], "gitlab": [{"host": "gitlab.com", "token": "t"}]})
    assert [item.host for item in integrations.github.list()] == ["ghe.example", "github.com"]
    assert [item.config.token for item in integrations.gitlab.list()] == ["t"]
    assert integrations.by_host("ghe.EXAMPLE") is integrations.github.list()[0]
    assert integrations.github.by_host("nobody.example") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/o/r", "github"),
        ("https://GitHub.com:443/o/r", "github"),
        ("https://github.com./o/r", "github"),
        ("https://github.com:8443/o/r", None),
        ("https://github.com.evil.example/o/r", None),
        ("https://evilgithub.com/o/r", None),
        ("https://raw.github.com/o/r", None),
        ("https://b.s3.amazonaws.com/x", "awsS3"),
        ("https://amazonaws.com.evil.example/x", None),
        ("https://[::1", None),
        ("https://github.com:x/", None),
        ("nonsense", None),
    ],
)
def test_integrations_are_found_by_address(url: str, expected: str | None) -> None:
    """S61: an address belongs to the integration of exactly its host and port."""
    found = read().by_url(url)
    assert (found.type if found else None) == expected


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"github": [{"host": "https://github.com"}]}, "integrations.github[0].host"),
        ({"github": [{"host": "a/b"}]}, "integrations.github[0].host"),
        ({"gitea": [{"host": "a"}, {"host": "u@b"}]}, "integrations.gitea[1].host"),
        ({"gitlab": [{"host": "a", "baseUrl": "a/gitlab"}]}, "integrations.gitlab[0].baseUrl"),
        ({"github": [{"host": "a", "apiBaseUrl": "ftp://a"}]}, "integrations.github[0].apiBaseUrl"),
        ({"awsS3": [{"endpoint": "a"}]}, "integrations.awsS3[0].endpoint"),
        ({"gerrit": [{"host": "a"}]}, "integrations.gerrit[0]"),
        ({"github": [{"token": "x"}]}, "integrations.github[0]"),
    ],
)
def test_wrong_entries_are_errors(data: Any, key: str) -> None:
    """S60: an entry that cannot be used is an error that names its key."""
    with pytest.raises(ConfigError) as caught:
        read(data)
    assert (caught.value.key or "").startswith(key)


def test_there_is_no_combined_bitbucket() -> None:
    """S65: the old section for both kinds of Bitbucket is not read, and not declared."""
    integrations = read({"bitbucket": [{"host": "bitbucket.example", "token": "t"}]})
    assert integrations.by_url("https://bitbucket.example/projects/P/repos/R") is None
    assert "bitbucket" not in {item.type for item in integrations.list()}
    assert '"bitbucket"' not in json.dumps(schema())


def test_secrets_are_secret() -> None:
    """Tokens, passwords and keys are declared as secrets; hosts and their addresses may be seen by browsers."""
    checked = ConfigSchema({"integrations": schema()})
    config = config_from_data(
        {
            "integrations": {
                "github": [
                    {
                        "host": "a.example",
                        "token": "s1",
                        "apps": [{"appId": 1, "privateKey": "s2", "clientId": "c", "clientSecret": "s3"}],
                    }
                ],
                "azure": [{"host": "b.example", "credentials": [{"personalAccessToken": "s4"}]}],
                "awsS3": [{"accessKeyId": "k", "secretAccessKey": "s5"}],
                "gerrit": [{"host": "c.example", "gitilesBaseUrl": "https://c.example", "password": "s6"}],
                "googleGcs": {"privateKey": "s7"},
            }
        }
    )
    assert {str(secret) for secret in checked.secrets(config)} == {f"s{number}" for number in range(1, 8)}
    visible = str(checked.filter(config))
    assert "a.example" in visible
    assert not any(f"s{number}'" in visible for number in range(1, 8))


def test_the_schema_costs_little() -> None:
    """Reading the schema at start imports no host and nothing heavy."""
    code = (
        "import sys, understage.integration.config;"
        "sys.exit(any(name in sys.modules for name in ('joserfc', 'understage.integration.github')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_names_are_attribute_errors() -> None:
    """A name that the package does not have is an AttributeError, as for any module."""
    import understage.integration

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = understage.integration.Nothing

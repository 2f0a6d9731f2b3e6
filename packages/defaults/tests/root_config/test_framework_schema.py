"""What the schema of the framework's own configuration shows to browsers and hides."""

from understage.config import ConfigSchema, config_from_data

ENDPOINTS = [
    {"target": {"internal": "http://10.0.0.7/api/{{pluginId}}"}, "plugins": ["search"]},
    {
        "target": {"internal": "http://10.0.0.8/api/catalog", "external": "https://catalog.example/api/catalog"},
        "plugins": ["catalog"],
    },
    {"target": "https://all.example/api/{{pluginId}}", "plugins": ["*"]},
]


def test_what_browsers_see_of_discovery() -> None:
    """D8: browsers, which go by the same configuration, see external and common addresses, and never internal ones.

    An endpoint without an address for them keeps an empty target, which the stock frontend expects.
    """
    config = config_from_data({"discovery": {"endpoints": ENDPOINTS}})
    assert ConfigSchema.from_packages().filter(config)["discovery"]["endpoints"] == [
        {"target": {}, "plugins": ["search"]},
        {"target": {"external": "https://catalog.example/api/catalog"}, "plugins": ["catalog"]},
        {"target": "https://all.example/api/{{pluginId}}", "plugins": ["*"]},
    ]


def test_secrets_of_clusters() -> None:
    """S5, S31: the passwords of a cluster's nodes are secrets, whichever store it is of."""
    for store in ("redis", "valkey"):
        nodes = [{"url": "redis://u:in-url@h"}, {"socket": {"host": "h"}, "password": "alone"}]
        config = config_from_data({"backend": {"cache": {store: {"cluster": {"rootNodes": nodes}}}}})
        assert {"redis://u:in-url@h", "alone"} <= set(ConfigSchema.from_packages().secrets(config)), store


def test_secrets_of_cloud_logins() -> None:
    """S5, S19: the secret of an application that logs in at a database is a secret, also in a plugin's own section."""
    connection = {"type": "azure", "tokenCredential": {"clientSecret": "hidden"}}
    for database in ({"connection": connection}, {"plugin": {"catalog": {"connection": connection}}}):
        config = config_from_data({"backend": {"database": database}})
        assert "hidden" in ConfigSchema.from_packages().secrets(config)

"""The published schemas of the auth rooms."""

from typing import Any

import pytest

from understage.auth.config import schema
from understage.auth_module_guest_provider.config import schema as guest_schema
from understage.config import ConfigSchema, config_from_data


def problems(auth: Any) -> list[str]:
    schemas = ConfigSchema({"auth": schema, "guest": guest_schema})
    return [str(problem) for problem in schemas.validate(config_from_data({"auth": auth}))]


def test_both_rooms_announce_their_schema() -> None:
    """C51: the schemas are found through the installed packages."""
    assert {"auth", "auth-module-guest-provider"} <= set(ConfigSchema.from_packages().names)


def test_valid_configuration_has_no_problems() -> None:
    """C53: what the documents show is valid, sections of other providers included."""
    keys = [{"publicKeyFile": "a.pem", "privateKeyFile": "b.pem", "keyId": "1", "algorithm": "ES256"}]
    settings = {
        "environment": "development",
        "backstageTokenExpiration": {"minutes": 20},
        "identityTokenAlgorithm": "ES256",
        "omitIdentityTokenOwnershipClaim": False,
        "keyStore": {"provider": "static", "static": {"keys": keys}},
        "providers": {
            "guest": {"userEntityRef": "user:default/guest", "dangerouslyAllowOutsideDevelopment": True},
            "github": {"development": {"clientId": "x"}},
        },
    }
    assert problems(settings) == []
    assert problems({"providers": {"guest": None}}) == []


@pytest.mark.parametrize(
    ("auth", "key"),
    [
        ({"keyStore": {"provider": 1}}, "auth.keyStore.provider"),
        ({"keyStore": {"provider": "static", "statik": {}}}, "auth.keyStore.statik"),
        ({"providers": {"guest": {"userEntityRef": 1}}}, "auth.providers.guest.userEntityRef"),
        ({"providers": {"guest": {"userEntity": "user:default/x"}}}, "auth.providers.guest.userEntity"),
    ],
)
def test_mistakes_are_named(auth: Any, key: str) -> None:
    """C53: wrong types and unknown keys are named by their full key."""
    assert any(key in problem for problem in problems(auth))


def test_browsers_see_the_environment_only() -> None:
    """C50: of the section auth, the frontend gets `environment`."""
    config = config_from_data({"auth": {"environment": "production", "backstageTokenExpiration": "1h"}})
    assert ConfigSchema({"auth": schema}).filter(config) == {"auth": {"environment": "production"}}

"""What credentials show of themselves."""

import copy
import dataclasses
import json
import pickle
from typing import Any

import msgspec
import pytest

from understage.plugin_api import AccessRestrictions, NonePrincipal, ServicePrincipal, UserPrincipal
from understage.plugin_api.credentials import Credentials, principal_key, token_of


@pytest.fixture
async def token_and_credentials(installation: Any) -> Any:
    catalog = await installation.plugin("catalog")
    token = installation.users.token()
    return token, await catalog.authenticate(token)


async def test_token_stays_hidden(token_and_credentials: Any) -> None:
    """A2: the token is behind the credentials, and in no text, copy or serialisation of them."""
    token, credentials = token_and_credentials
    assert token_of(credentials) == token
    shown = [
        repr(credentials),
        str(credentials),
        credentials.cache_key(),
        json.dumps(repr(credentials)),
        pickle.dumps(credentials).decode("latin-1"),
        repr(copy.copy(credentials)),
        repr(dataclasses.asdict(credentials)),
        msgspec.json.encode(credentials).decode(),
    ]
    assert [text for text in shown if token in text] == []
    assert credentials == Credentials(credentials.principal, credentials.expires_at, "another")
    assert not hasattr(credentials, "__dict__")


def test_cache_keys() -> None:
    """A2: principals have stable texts, with restrictions hashed, that tell them apart."""
    restricted = ServicePrincipal("ci", AccessRestrictions(("catalog.entity.read",)))
    keys = [
        principal_key(principal)
        for principal in (
            NonePrincipal(),
            ServicePrincipal("ci"),
            restricted,
            UserPrincipal("user:default/jane"),
            UserPrincipal("user:default/jane", ServicePrincipal("plugin:search")),
        )
    ]
    assert len(set(keys)) == len(keys)
    assert "catalog.entity.read" not in "".join(keys)
    assert principal_key(ServicePrincipal("ci", AccessRestrictions(("catalog.entity.read",)))) == keys[2]
    assert Credentials(restricted, None, "secret").cache_key() == keys[2]

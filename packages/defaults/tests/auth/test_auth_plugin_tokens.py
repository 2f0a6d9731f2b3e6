"""Tokens by which plugins call each other."""

import asyncio
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from understage.defaults.auth import PluginTokenSubject
from understage.defaults.auth.signatures import generate_signing_key
from understage.errors import AuthenticationError, ServiceUnavailableError
from understage.plugin_api import ServicePrincipal, UserPrincipal
from understage.plugin_api.credentials import token_of

PLUGIN_TYPE = "vnd.backstage.plugin"


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = (urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(payload)


async def call(installation: Any, source: Any, target_id: Any = "catalog", credentials: Any = None) -> Any:
    credentials = credentials or await source.get_own_service_credentials()
    return await source.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id=target_id)


async def test_own_credentials(installation: Any) -> None:
    """A3: a plugin's own service subject is plugin:<pluginId>."""
    search = await installation.plugin("search")
    assert (await search.get_own_service_credentials()).principal == ServicePrincipal("plugin:search")
    assert (await search.get_none_credentials()).principal.type == "none"


async def test_service_token(installation: Any) -> None:
    """A10, A20, A31: a service's token names both plugins, lives an hour, and proves the calling plugin."""
    search, catalog = await installation.plugin("search"), await installation.plugin("catalog")
    token = await call(installation, search)
    header, claims = decoded(token)
    assert list(header) == ["typ", "alg", "kid"]
    assert (header["typ"], header["alg"]) == (PLUGIN_TYPE, "ES256")
    now = int(installation.clock())
    assert claims == {"sub": "search", "aud": "catalog", "iat": now, "exp": now + 3600}
    credentials = await catalog.authenticate(token)
    assert credentials.principal == ServicePrincipal("plugin:search")
    assert credentials.expires_at is not None
    assert credentials.expires_at.timestamp() == now + 3600


async def test_external_identity_is_not_forwarded(installation: Any) -> None:
    """A20: a service principal becomes a plain token of the calling plugin, whoever the service was."""
    access = [{"type": "static", "options": {"token": "some-static-token", "subject": "ci"}}]
    search = await installation.plugin("search", {"externalAccess": access})
    catalog = await installation.plugin("catalog")
    token = await call(installation, search, credentials=await search.authenticate("some-static-token"))
    assert (await catalog.authenticate(token)).principal == ServicePrincipal("plugin:search")


async def test_target_is_not_asked(installation: Any) -> None:
    """A22: a token is issued without asking whether the target plugin exists or supports it."""
    search = await installation.plugin("search")
    assert decoded(await call(installation, search, "nowhere"))[1]["aud"] == "nowhere"
    assert installation.network.requests == []


async def test_on_behalf_of_a_user(installation: Any) -> None:
    """A20, A33: a user's token travels as limited token in obo; the target sees the user, and the plugin as actor."""
    search, catalog = await installation.plugin("search"), await installation.plugin("catalog")
    user = await search.authenticate(installation.users.token(lifetime=600))
    token = await call(installation, search, credentials=user)
    _, claims = decoded(token)
    assert decoded(claims["obo"])[0]["typ"] == "vnd.backstage.limited-user"
    credentials = await catalog.authenticate(token)
    assert credentials.principal == UserPrincipal("user:default/jane", ServicePrincipal("plugin:search"))
    assert credentials.expires_at == user.expires_at


async def test_expiry_of_the_user_bounds_the_token(installation: Any) -> None:
    """A10: a plugin token for a user ends when the user's token does, if that is within the hour."""
    search = await installation.plugin("search")
    short = await search.authenticate(installation.users.token(lifetime=600))
    long = await search.authenticate(installation.users.token(lifetime=7200))
    now = int(installation.clock())
    assert decoded(await call(installation, search, credentials=short))[1]["exp"] == now + 600
    assert decoded(await call(installation, search, credentials=long))[1]["exp"] == now + 3600


async def test_one_token_for_the_calls_of_a_second(installation: Any) -> None:
    """A10, A20: calls within a second to one plugin for one user share a token; every other call has its own."""
    search, other = await installation.plugin("search"), await installation.plugin("scaffolder")
    jane = await search.authenticate(installation.users.token(lifetime=600))
    john = await search.authenticate(installation.users.token("user:default/john", lifetime=600))
    token = await call(installation, search, credentials=jane)
    assert await call(installation, search, credentials=jane) == token
    others = [
        await call(installation, search),
        await call(installation, search, "scaffolder", credentials=jane),
        await call(installation, search, credentials=john),
        await call(installation, other, credentials=jane),
    ]
    assert len({token, *others}) == 5
    installation.clock.now += 1
    later = await call(installation, search, credentials=jane)
    assert decoded(later)[1]["iat"] == decoded(token)[1]["iat"] + 1


async def test_tokens_of_plugins_push_out_none_of_users(installation: Any) -> None:
    """A33: however many tokens plugins make, each user's own is verified once only."""
    search, catalog = await installation.plugin("search"), await installation.plugin("catalog")
    user_token = installation.users.token()
    user = await search.authenticate(user_token)
    await catalog.authenticate(user_token)
    catalog._verified_of_plugins._max_remembered = 2
    for _ in range(4):
        installation.clock.now += 1
        await catalog.authenticate(await call(installation, search, credentials=user))
    assert len(catalog._verified_of_plugins) == 2
    assert catalog.recall(user_token) is not None
    assert len(catalog._verified) == 2


async def test_a_new_key_signs_a_new_token(installation: Any) -> None:
    """A10: a token is shared by the calls of a second only as long as the key is the same."""
    search = await installation.plugin("search")
    before = await call(installation, search)
    search._keys._key = None
    after = await call(installation, search)
    assert decoded(before)[0]["kid"] != decoded(after)[0]["kid"]


async def test_chain_keeps_the_limited_token(installation: Any) -> None:
    """A21: along a chain of plugins the same limited token is handed on, and each hop replaces the actor."""
    one, two, three = [await installation.plugin(name) for name in ("one", "two", "three")]
    user = await one.authenticate(installation.users.token())
    first = await call(installation, one, "two", user)
    at_two = await two.authenticate(first)
    second = await call(installation, two, "three", at_two)
    assert decoded(second)[1]["obo"] == decoded(first)[1]["obo"] == token_of(at_two)
    assert (await three.authenticate(second)).principal == UserPrincipal(
        "user:default/jane", ServicePrincipal("plugin:two")
    )


async def test_on_behalf_of_nobody(installation: Any) -> None:
    """A20, H74: nobody is an authentication error, or an empty token when the default policy is disabled."""
    search = await installation.plugin("search")
    nobody = await search.get_none_credentials()
    with pytest.raises(AuthenticationError, match=r"on behalf of nobody"):
        await call(installation, search, credentials=nobody)
    open_search = await installation.plugin("search", {"dangerouslyDisableDefaultAuthPolicy": True})
    assert await call(installation, open_search, credentials=nobody) == ""
    assert await call(installation, open_search) != ""


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": 7}])
async def test_missing_subject(installation: Any, claims: Any) -> None:
    """A31: a plugin token without a subject is refused in so many words, and nobody is asked for keys."""
    catalog = await installation.plugin("catalog")
    token = installation.forge(PLUGIN_TYPE, {"aud": "catalog", "iat": 1, "exp": 2e9, **claims})
    with pytest.raises(AuthenticationError, match=r"^Invalid plugin token: missing subject$"):
        await catalog.authenticate(token)
    assert installation.network.requests == []


@pytest.mark.parametrize("subject", ["../auth", "a/b", "a b", "search\n", "búsqueda", "a.b", "http:", "?"])
async def test_forbidden_subject(installation: Any, subject: Any) -> None:
    """A31, W15: a subject that is no plugin id is refused before it can steer a request."""
    catalog = await installation.plugin("catalog")
    token = installation.forge(PLUGIN_TYPE, {"sub": subject, "aud": "catalog", "iat": 1, "exp": 2e9})
    with pytest.raises(AuthenticationError, match=r"^Invalid plugin token: forbidden subject format$"):
        await catalog.authenticate(token)
    assert installation.network.requests == []


async def test_allowed_subjects(installation: Any) -> None:
    """W15: ids of ASCII letters, digits, underscore and hyphen may issue tokens."""
    catalog, odd = await installation.plugin("catalog"), await installation.plugin("My_plugin-2")
    credentials = await catalog.authenticate(await call(installation, odd))
    assert credentials.principal == ServicePrincipal("plugin:My_plugin-2")


async def test_unknown_issuer(installation: Any) -> None:
    """A32: an issuer without key set is named as such, and found once it is there."""
    catalog = await installation.plugin("catalog")
    forged = installation.forge(PLUGIN_TYPE, {"sub": "nobody", "aud": "catalog", "iat": 1.0, "exp": 2e9})
    with pytest.raises(AuthenticationError, match=r"'nobody' does not have a JWKS endpoint"):
        await catalog.authenticate(forged)
    nobody = await installation.plugin("nobody")
    installation.clock.now += 2
    credentials = await catalog.authenticate(await call(installation, nobody))
    assert credentials.principal == ServicePrincipal("plugin:nobody")


async def test_issuer_is_remembered(installation: Any) -> None:
    """A32: an issuer's key set is read once, and concurrent checks share the request."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    tokens = []
    for _ in range(3):
        tokens.append(await call(installation, search))
        installation.clock.now += 1
    await asyncio.gather(*(catalog.authenticate(token) for token in tokens))
    assert installation.network.requests == [installation.plugin_keys_url("search")]


async def test_wrong_audience(installation: Any) -> None:
    """A31: a token for another plugin is refused."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    token = await call(installation, search, "techdocs")
    with pytest.raises(AuthenticationError, match=r"^Failed plugin token verification$"):
        await catalog.authenticate(token)


async def test_bad_signature(installation: Any) -> None:
    """A31: a token signed with another key under a known kid is refused; only the log says why."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    genuine = await call(installation, search)
    header, claims = decoded(genuine)
    forged = installation.forge(PLUGIN_TYPE, claims, generate_signing_key(header["kid"]))
    with pytest.raises(AuthenticationError, match=r"^Failed plugin token verification$"):
        await catalog.authenticate(forged)
    warnings = str(installation.logger.of("warning"))
    assert "signature" in warnings
    assert forged not in warnings


@pytest.mark.parametrize("missing", ["iat", "exp", "aud"])
async def test_required_claims(installation: Any, missing: Any) -> None:
    """A31: iat, exp and aud are required, beside sub."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    key_id = decoded(await call(installation, search))[0]["kid"]
    now = int(installation.clock())
    claims = {"sub": "search", "aud": "catalog", "iat": now, "exp": now + 60}
    del claims[missing]
    with pytest.raises(AuthenticationError, match=r"^Failed plugin token verification$"):
        await catalog.authenticate(installation.forge(PLUGIN_TYPE, claims, generate_signing_key(key_id)))


async def test_expired_token(installation: Any) -> None:
    """A31: a token that was good is refused from its exp on, although it had been remembered."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    token = await call(installation, search)
    await catalog.authenticate(token)
    installation.clock.now += 3600
    with pytest.raises(AuthenticationError, match=r"^Failed plugin token verification$"):
        await catalog.authenticate(token)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_issuer_is_down(installation: Any, status: Any) -> None:
    """A32: an outage of the issuer is no authentication failure.

    deviation: answered with 503 and Retry-After, where Node backends answer 401 and send their callers to sign in.
    """
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    token = await call(installation, search)
    installation.network.serve_status(installation.plugin_keys_url("search"), status)
    with pytest.raises(ServiceUnavailableError, match=r"plugin 'search' for now") as caught:
        await catalog.authenticate(token)
    assert caught.value.retry_after == 1
    assert "backend.test" not in str(caught.value)


async def test_issuer_is_unreachable_and_recovers(installation: Any) -> None:
    """A32: an unreachable issuer is a 503 until it is back."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    token, url = await call(installation, search), installation.plugin_keys_url("search")
    answer = installation.network.answers[url]
    installation.network.serve_error(url, ServiceUnavailableError("connection refused"))
    with pytest.raises(ServiceUnavailableError):
        await catalog.authenticate(token)
    installation.network.answers[url] = answer
    installation.clock.now += 1
    assert (await catalog.authenticate(token)).principal == ServicePrincipal("plugin:search")


@pytest.mark.parametrize("obo", ["garbage", "a.b.c", "", 5, "forged", "expired", "plugin"])
async def test_invalid_obo(installation: Any, obo: Any) -> None:
    """A33: a plugin token with an obo that is no valid user token is refused as a whole."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    plain = await call(installation, search)
    if obo == "forged":
        now = int(installation.clock())
        obo = installation.forge("vnd.backstage.limited-user", {"sub": "user:x/y", "iat": now, "exp": now + 60})
    elif obo == "expired":
        obo = installation.users.limited_token(lifetime=-1)
    elif obo == "plugin":
        obo = plain
    signer = await _signer_of(installation, "search")
    now = int(installation.clock())
    token = installation.forge(
        PLUGIN_TYPE, {"sub": "search", "aud": "catalog", "iat": now, "exp": now + 60, "obo": obo}, signer
    )
    with pytest.raises(AuthenticationError):
        await catalog.authenticate(token)


async def _signer_of(installation: Any, plugin_id: Any) -> Any:
    """Makes a key that the plugin's key set lists."""
    key = generate_signing_key("listed")
    installation.network.serve_json(installation.plugin_keys_url(plugin_id), lambda: {"keys": [key.public_jwk()]})
    return key


async def test_remembered_until_the_user_token_ends(installation: Any) -> None:
    """A33: a token with obo is remembered no longer than the user's token lives."""
    catalog = await installation.plugin("catalog")
    signer = await _signer_of(installation, "search")
    now = int(installation.clock())
    obo = installation.users.limited_token(lifetime=30)
    token = installation.forge(
        PLUGIN_TYPE, {"sub": "search", "aud": "catalog", "iat": now, "exp": now + 3600, "obo": obo}, signer
    )
    await catalog.authenticate(token)
    installation.clock.now += 30
    with pytest.raises(AuthenticationError):
        await catalog.authenticate(token)


async def test_decorated_handler(installation: Any) -> None:
    """A67: the handler of plugin tokens can be wrapped, for verifying as well as for issuing."""

    class Prefixed:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        async def verify_token(self, token: Any) -> Any:
            if token == "open sesame":
                return PluginTokenSubject("cave", None, installation.clock() + 60)
            return await self.inner.verify_token(token)

        async def issue_token(self, *, target_plugin_id: Any, on_behalf_of: Any = None) -> Any:
            return "wrapped:" + await self.inner.issue_token(
                target_plugin_id=target_plugin_id, on_behalf_of=on_behalf_of
            )

    search = await installation.plugin("search", decorate=Prefixed)
    assert (await search.authenticate("open sesame")).principal == ServicePrincipal("plugin:cave")
    assert (await call(installation, search)).startswith("wrapped:ey")


async def test_verified_once(installation: Any, monkeypatch: Any) -> None:
    """A31: a token that was verified is remembered: no cryptography the second time."""
    catalog, search = await installation.plugin("catalog"), await installation.plugin("search")
    token = await call(installation, search)
    first = await catalog.authenticate(token)
    monkeypatch.setattr("understage.defaults.auth.plugin_tokens.parse_token", lambda _: pytest.fail("parsed again"))
    assert await catalog.authenticate(token) is first

"""Tokens of callers outside of the installation."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.defaults.auth import ExternalCaller
from understage.defaults.auth.external.words import read_words
from understage.defaults.auth.signatures import generate_signing_key, sign_token
from understage.defaults.auth.tokens import encode_json_segment, encode_segment
from understage.errors import AuthenticationError, NotAllowedError, ServiceUnavailableError
from understage.plugin_api import AccessRestrictions, ServicePrincipal

SECRET = b"a legacy secret"
STATIC: dict[str, Any] = {"type": "static", "options": {"token": "baseline-static-token-0001", "subject": "baseline"}}
LEGACY: dict[str, Any] = {"type": "legacy", "options": {"secret": b64encode(SECRET).decode(), "subject": "old-backend"}}
IDP = "https://idp.example.com/jwks.json"


def legacy_token(secret: Any = SECRET, header: Any = None, **claims: Any) -> Any:
    head = header or {"alg": "HS256"}
    signing_input = f"{encode_json_segment(head)}.{encode_json_segment({'sub': 'backstage-server', **claims})}"
    return f"{signing_input}.{encode_segment(hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())}"


async def principal(service: Any, token: Any) -> Any:
    return (await service.authenticate(token)).principal


async def illegal(service: Any, token: Any) -> None:
    with pytest.raises(AuthenticationError, match=r"^Illegal token$"):
        await service.authenticate(token)


async def refused(installation: Any, access: Any, text: Any, **kwargs: Any) -> Any:
    config = config_from_data({"backend": {"auth": {"externalAccess": access}}}, "app-config.yaml")
    with pytest.raises(ConfigError) as caught:
        await installation.plugin("catalog", config=config, **kwargs)
    assert str(caught.value).startswith("app-config.yaml: backend.auth.externalAccess"), str(caught.value)
    assert text in str(caught.value)
    return str(caught.value)


# static


async def test_static_token(installation: Any) -> None:
    """A61: a static token proves its subject, taken verbatim; any other text is no token."""
    catalog = await installation.plugin("catalog", {"externalAccess": [STATIC]})
    assert await principal(catalog, "baseline-static-token-0001") == ServicePrincipal("baseline")
    await illegal(catalog, "baseline-static-token-0002")
    await illegal(catalog, "baseline-static-token-000")


async def test_static_options(installation: Any) -> None:
    """A61: short tokens, white space and duplicates are errors at start, which do not show the token."""
    options = STATIC["options"]

    async def wrong(text: Any, **changed: Any) -> None:
        message = await refused(installation, [{"type": "static", "options": {**options, **changed}}], text)
        assert not any(str(value) in message for value in changed.values() if value)

    await wrong("externalAccess[0].options.token: the token is too short; it needs at least 8", token="1234567")
    await wrong("externalAccess[0].options.token: it must not contain white space", token="12345678 9")
    await wrong("externalAccess[0].options.subject: it must not contain white space", subject="a b")
    await wrong("externalAccess[0].options.subject", subject=None)
    await wrong("externalAccess[0].options.token", token=None)
    await refused(installation, [STATIC, STATIC], "externalAccess[1].options.token: the token is that of an earlier")
    assert await installation.plugin(
        "catalog", {"externalAccess": [{**STATIC, "options": {**options, "token": "1" * 8}}]}
    )


# legacy


async def test_legacy_token(installation: Any) -> None:
    """A62: a legacy token is signed with the shared secret, for `backstage-server`, without audience."""
    catalog = await installation.plugin("catalog", {"externalAccess": [LEGACY]})
    now = installation.clock()
    assert await principal(catalog, legacy_token(exp=now + 60)) == ServicePrincipal("old-backend")
    for token in (
        legacy_token(b"another secret"),
        legacy_token(sub="backstage-plugin"),
        legacy_token(aud="catalog"),
        legacy_token(header={"alg": "HS512"}),
        legacy_token(header={"alg": "none"}),
        legacy_token(header={"alg": "HS256", "crit": ["b64"]}),
    ):
        await illegal(catalog, token)


async def test_legacy_expiry(installation: Any) -> None:
    """A62: an expired legacy token is refused, one without an end is accepted.

    deviation: Node backends answer an expired one with 500; it is a 401 here.
    """
    catalog = await installation.plugin("catalog", {"externalAccess": [LEGACY]})
    now = installation.clock()
    assert await principal(catalog, legacy_token()) == ServicePrincipal("old-backend")
    for claims in ({"exp": now - 1}, {"exp": "x"}, {"nbf": now + 60}):
        with pytest.raises(AuthenticationError, match=r"^Illegal legacy token: "):
            await catalog.authenticate(legacy_token(**claims))
    token = legacy_token(exp=now + 60)
    await catalog.authenticate(token)
    installation.clock.now += 60
    with pytest.raises(AuthenticationError):
        await catalog.authenticate(token)


async def test_several_legacy_secrets(installation: Any) -> None:
    """A62: a signature that is not one secret's may be the next one's."""
    second = {"type": "legacy", "options": {"secret": b64encode(b"second").decode(), "subject": "second"}}
    catalog = await installation.plugin("catalog", {"externalAccess": [LEGACY, second]})
    assert await principal(catalog, legacy_token(b"second")) == ServicePrincipal("second")


@pytest.mark.parametrize("secret", ["not base64!", "====", "a"])
async def test_legacy_secret(installation: Any, secret: Any) -> None:
    """A62: a secret that is not base64 is an error at start, which does not show it."""
    access = [{"type": "legacy", "options": {"secret": secret, "subject": "x"}}]
    message = await refused(installation, access, "externalAccess[0].options.secret: ")
    assert f"'{secret}'" not in message


async def test_secret_alphabets(installation: Any) -> None:
    """A62: both base64 alphabets are read, with or without padding."""
    secret = b"\xfb\xff\xfe\x01"
    for text in ("+//+AQ==", "-__-AQ"):
        access = [{"type": "legacy", "options": {"secret": text, "subject": "x"}}]
        catalog = await installation.plugin("catalog", {"externalAccess": access})
        assert await principal(catalog, legacy_token(secret)) == ServicePrincipal("x")


async def test_old_keys(installation: Any) -> None:
    """A63: secrets of `backend.auth.keys` still work, for one fixed subject, with one warning per backend."""
    from understage.defaults.auth.factory import create_root_context

    data = {
        "backend": {"auth": {"keys": [{"secret": b64encode(b"one").decode()}, {"secret": LEGACY["options"]["secret"]}]}}
    }
    config = config_from_data(data, "app-config.yaml")
    catalog = await installation.plugin("catalog", config=config)
    for secret in (b"one", SECRET):
        assert await principal(catalog, legacy_token(secret)) == ServicePrincipal("external:backstage-plugin")
    assert installation.logger.of("warning") == []
    create_root_context(config, installation.logger, installation.network)
    (warning,) = installation.logger.of("warning")
    assert "backend.auth.keys is deprecated" in str(warning)
    assert "app-config.yaml" in str(warning)
    create_root_context(config_from_data({}), installation.logger, installation.network)
    assert len(installation.logger.of("warning")) == 1


async def test_bad_old_key(installation: Any) -> None:
    """A63: a bad secret in `backend.auth.keys` is an error at start that names it."""
    config = config_from_data({"backend": {"auth": {"keys": [{"secret": "!!"}]}}}, "app-config.yaml")
    with pytest.raises(
        ConfigError, match=r"^app-config.yaml: backend.auth.keys\[0\].secret: the secret is not in base64"
    ):
        await installation.plugin("catalog", config=config)


# jwks


class Idp:
    """An identity provider."""

    def __init__(self, installation: Any) -> None:
        self.key = generate_signing_key("idp")
        self.installation = installation
        installation.network.serve_json(IDP, lambda: {"keys": [self.key.public_jwk()]})

    def token(self, **claims: Any) -> Any:
        now = int(self.installation.clock())
        full = {"iss": "idp", "sub": "robot", "aud": "portal", "iat": now, "exp": now + 60, **claims}
        return sign_token("JWT", {name: value for name, value in full.items() if value is not ...}, self.key)

    async def plugin(self, **options: Any) -> Any:
        access = [{"type": "jwks", "options": {"url": IDP, **options}}]
        return await self.installation.plugin("catalog", {"externalAccess": access})


@pytest.fixture
async def idp(installation: Any) -> Any:
    return Idp(installation)


async def test_jwks_subject(idp: Any) -> None:
    """A64: the principal is `external:<sub>`, or `external:<prefix>:<sub>`; without sub a token does not match."""
    assert await principal(await idp.plugin(), idp.token()) == ServicePrincipal("external:robot")
    prefixed = await idp.plugin(subjectPrefix="my-idp")
    assert await principal(prefixed, idp.token()) == ServicePrincipal("external:my-idp:robot")
    for sub in (..., "", 5):
        await illegal(prefixed, idp.token(sub=sub))


@pytest.mark.parametrize(
    ("options", "claims", "matches"),
    [
        ({"issuer": "idp"}, {}, True),
        ({"issuer": "other"}, {}, False),
        ({"issuer": "other, idp"}, {}, True),
        ({"issuer": ["other", "idp"]}, {}, True),
        ({"issuer": "idp"}, {"iss": ...}, False),
        ({"audience": "portal"}, {}, True),
        ({"audience": "x y"}, {}, False),
        ({"audience": "x portal"}, {"aud": ["a", "portal"]}, True),
        ({"audience": "portal"}, {"aud": ...}, False),
        ({"algorithm": "ES256"}, {}, True),
        ({"algorithm": "RS256"}, {}, False),
        ({"algorithm": ["RS256", "ES256"]}, {}, True),
        ({}, {"exp": 1}, False),
        ({}, {"nbf": 2e9}, False),
        ({}, {"exp": ...}, True),
        ({}, {"iat": ...}, True),
    ],
)
async def test_jwks_conditions(idp: Any, options: Any, claims: Any, matches: Any) -> None:
    """A64: algorithm, issuer and audience are conditions when they are given, each one or several."""
    catalog = await idp.plugin(**options)
    if matches:
        assert await principal(catalog, idp.token(**claims)) == ServicePrincipal("external:robot")
    else:
        await illegal(catalog, idp.token(**claims))


async def test_jwks_without_key_id(idp: Any, installation: Any) -> None:
    """A64: an identity provider whose tokens and keys have no kid is served too."""
    jwk = idp.key.public_jwk()
    del jwk["kid"], jwk["alg"]
    installation.network.serve_json(IDP, lambda: {"keys": [generate_signing_key("other").public_jwk(), jwk]})
    now = int(installation.clock())
    head = encode_json_segment({"alg": "ES256"})
    signing_input = f"{head}.{encode_json_segment({'sub': 'robot', 'iat': now, 'exp': now + 60})}"
    from joserfc.jws import JWSRegistry

    signature = JWSRegistry.algorithms["ES256"].sign(signing_input.encode(), idp.key.key)
    assert await principal(await idp.plugin(), f"{signing_input}.{encode_segment(signature)}") == ServicePrincipal(
        "external:robot"
    )


async def test_forged_external_token(idp: Any) -> None:
    """A64: a token that the provider did not sign does not match."""
    catalog = await idp.plugin()
    genuine = idp.token()
    idp.key, kept = generate_signing_key("idp"), idp.key
    forged = idp.token()
    idp.key = kept
    await illegal(catalog, forged)
    assert await principal(catalog, genuine) == ServicePrincipal("external:robot")


async def test_provider_is_down(idp: Any, installation: Any) -> None:
    """A64: while the provider's keys cannot be read its tokens are a 503; other tokens are still served.

    deviation: Node backends answer 401.
    """
    access = [{"type": "jwks", "options": {"url": IDP}}, LEGACY]
    installation.network.serve_status(IDP, 502)
    catalog = await installation.plugin("catalog", {"externalAccess": access})
    with pytest.raises(ServiceUnavailableError, match=r"external tokens for now"):
        await catalog.authenticate(idp.token())
    assert await principal(catalog, legacy_token()) == ServicePrincipal("old-backend")
    installation.network.serve_status(IDP, 404)
    installation.clock.now += 2
    await illegal(catalog, idp.token())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"url": None}, "options.url"),
        ({"url": "idp.example.com"}, "options.url: 'idp.example.com' is no address"),
        ({"url": "http://[::1"}, "is no address"),
        ({"url": "file:///etc/keys"}, "is no address"),
        ({"algorithm": "HS256"}, "options.algorithm: the algorithm 'HS256' is not supported"),
        ({"algorithm": "none"}, "options.algorithm: the algorithm 'none' is not supported"),
        ({"algorithm": " , "}, "options.algorithm: it holds no value"),
        ({"issuer": []}, "options.issuer: it holds no value"),
        ({"audience": 5}, "options.audience"),
        ({"subjectPrefix": "a b"}, "options.subjectPrefix: it must not contain white space"),
    ],
)
async def test_jwks_options(installation: Any, options: Any, text: Any) -> None:
    """A64: wrong options are errors at start that name their key."""
    access = [{"type": "jwks", "options": {"url": IDP, **options}}]
    await refused(installation, access, f"backend.auth.externalAccess[0].{text}" if text.startswith("opt") else text)


# the list as a whole


async def test_order(idp: Any, installation: Any) -> None:
    """A60: the entries are tried in order; the first that recognises a token decides."""
    access = [
        {"type": "jwks", "options": {"url": IDP, "subjectPrefix": "first"}},
        {"type": "jwks", "options": {"url": IDP, "subjectPrefix": "second"}},
    ]
    catalog = await installation.plugin("catalog", {"externalAccess": access})
    assert await principal(catalog, idp.token()) == ServicePrincipal("external:first:robot")


async def test_unknown_type(installation: Any) -> None:
    """A60: an unknown type is an error at start that lists the known ones."""
    access = [STATIC, {"type": "magic", "options": {}}]
    await refused(
        installation,
        access,
        "externalAccess[1].type: unknown type 'magic'; expected one of 'static', 'legacy', 'jwks'",
    )
    await refused(installation, [{"options": {}}], "externalAccess[0].type")
    await refused(installation, [{"type": "static"}], "externalAccess[0].options")


class Magic:
    """A kind of token that an installation adds."""

    def __init__(self, type_: str = "magic") -> None:
        self.type = type_

    def create_verifier(self, options: Any) -> Any:
        word = options.get_string("word")
        if word == "please":
            raise ConfigError("is not magic enough", key="word")

        async def verify(token: Any) -> Any:
            return ExternalCaller(f"magician:{word}") if token == word else None

        return verify


async def test_added_types(installation: Any) -> None:
    """A60: added handlers serve types of their own, and may replace a built-in one."""
    access = [{"type": "magic", "options": {"word": "abracadabra"}}, {"type": "static", "options": {"word": "xyzzy"}}]
    handlers = [Magic(), Magic("static")]
    catalog = await installation.plugin("catalog", {"externalAccess": access}, handlers=handlers)
    assert await principal(catalog, "abracadabra") == ServicePrincipal("magician:abracadabra")
    assert await principal(catalog, "xyzzy") == ServicePrincipal("magician:xyzzy")
    await illegal(catalog, "plugh")


async def test_added_types_are_known(installation: Any) -> None:
    """A60: added types are listed among the known ones, and their errors are completed with key and source."""
    await refused(installation, [{"type": "x", "options": {}}], "'jwks', 'magic'", handlers=[Magic()])
    message = "externalAccess[0].options.word: is not magic enough"
    await refused(installation, [{"type": "magic", "options": {"word": "please"}}], message, handlers=[Magic()])


async def test_two_added_handlers_of_a_type(installation: Any) -> None:
    """A60: two added handlers of one type fail, and are named."""
    with pytest.raises(
        TypeError, match=r"two handlers of external tokens are for the type 'magic': .*Magic and .*Magic"
    ):
        await installation.plugin("catalog", handlers=[Magic(), Magic()])


# restrictions


async def restricted(installation: Any, plugin_id: Any, *restrictions: Any) -> Any:
    access = [{**STATIC, "accessRestrictions": list(restrictions)}]
    return await installation.plugin(plugin_id, {"externalAccess": access})


async def test_other_plugins_are_refused(installation: Any) -> None:
    """A66: on a plugin that is not listed a restricted token is refused, with the listed ones named."""
    restrictions = [{"plugin": "catalog"}, {"plugin": "search"}]
    techdocs = await restricted(installation, "techdocs", *restrictions)
    with pytest.raises(NotAllowedError) as caught:
        await techdocs.authenticate("baseline-static-token-0001")
    assert str(caught.value) == "This token's access is restricted to plugin(s) 'catalog', 'search'"
    catalog = await restricted(installation, "catalog", *restrictions)
    assert await principal(catalog, "baseline-static-token-0001") == ServicePrincipal("baseline")


async def test_limits_are_on_the_principal(installation: Any) -> None:
    """A65, A66: on a listed plugin the principal carries the permissions and actions, split and without repetition."""
    catalog = await restricted(
        installation,
        "catalog",
        {
            "plugin": "catalog",
            "permission": "catalog.entity.read, catalog.entity.refresh catalog.entity.read",
            "permissionAttribute": {"action": ["read", "update,read"]},
        },
    )
    assert await principal(catalog, "baseline-static-token-0001") == ServicePrincipal(
        "baseline",
        AccessRestrictions(("catalog.entity.read", "catalog.entity.refresh"), ("read", "update")),
    )
    names_only = await restricted(installation, "catalog", {"plugin": "catalog", "permission": ["a", "b"]})
    assert (await principal(names_only, "baseline-static-token-0001")).access_restrictions == AccessRestrictions(
        ("a", "b"), None
    )
    actions_only = await restricted(
        installation, "catalog", {"plugin": "catalog", "permissionAttribute": {"action": "delete"}}
    )
    assert (await principal(actions_only, "baseline-static-token-0001")).access_restrictions == AccessRestrictions(
        None, ("delete",)
    )


async def test_restrictions_cannot_be_shed_by_delegation(installation: Any) -> None:
    """A20, A66: a restricted caller is not acted for at plugins that its token is not for, or is limited on."""
    catalog = await restricted(
        installation,
        "catalog",
        {"plugin": "catalog"},
        {"plugin": "search"},
        {"plugin": "todo", "permission": "todo.read"},
    )
    caller = await catalog.authenticate("baseline-static-token-0001")
    assert await catalog.get_plugin_request_token(on_behalf_of=caller, target_plugin_id="search")
    with pytest.raises(NotAllowedError) as unlisted:
        await catalog.get_plugin_request_token(on_behalf_of=caller, target_plugin_id="auth")
    assert str(unlisted.value) == "Access to target plugin 'auth' is not included in token's access restrictions"
    with pytest.raises(NotAllowedError) as limited:
        await catalog.get_plugin_request_token(on_behalf_of=caller, target_plugin_id="todo")
    assert str(limited.value) == "Access to target plugin 'todo' is restricted and cannot be delegated"
    own = await catalog.get_own_service_credentials()
    assert await catalog.get_plugin_request_token(on_behalf_of=own, target_plugin_id="auth")


async def test_restrictions_of_legacy_and_jwks_tokens(idp: Any, installation: Any) -> None:
    """A66: restrictions hold for every type of external token, remembered ones included."""
    restrictions = [{"plugin": "search"}]
    access = [
        {**LEGACY, "accessRestrictions": restrictions},
        {"type": "jwks", "options": {"url": IDP}, "accessRestrictions": restrictions},
    ]
    catalog = await installation.plugin("catalog", {"externalAccess": access})
    search = await installation.plugin("search", {"externalAccess": access})
    for token in (legacy_token(exp=installation.clock() + 60), idp.token()):
        for _ in range(2):
            assert (await principal(search, token)).type == "service"
            with pytest.raises(NotAllowedError):
                await catalog.authenticate(token)


@pytest.mark.parametrize(
    ("restrictions", "text"),
    [
        ([{"plugin": "a", "colour": "red"}], "[0].colour: unknown key; known are plugin, permission"),
        ([{"plugin": "a"}, {"plugin": "b"}, {"plugin": "a"}], "[2].plugin: the plugin 'a' is listed twice"),
        (
            [{"plugin": "a", "permissionAttribute": {"action": "read fly"}}],
            "[0].permissionAttribute.action: unknown action 'fly'; use create, read, update, delete",
        ),
        ([{"plugin": "a", "permissionAttribute": {"mood": "x"}}], "[0].permissionAttribute.mood: unknown key"),
        ([{"plugin": "a", "permission": []}], "[0].permission: it holds no value"),
        ([{"permission": "x"}], "[0].plugin"),
        ([{"plugin": "a", "permission": 5}], "[0].permission"),
    ],
)
async def test_wrong_restrictions(installation: Any, restrictions: Any, text: Any) -> None:
    """A65: unknown keys, plugins named twice and unknown actions are errors at start that name the place."""
    access = [{**STATIC, "accessRestrictions": restrictions}]
    await refused(installation, access, f"backend.auth.externalAccess[0].accessRestrictions{text}")


async def test_empty_restrictions(installation: Any) -> None:
    """A65: an empty list of restrictions says neither all nor nothing, and is an error at start.

    deviation: where others read it as no restriction, nobody gets more than was meant.
    """
    await refused(installation, [{**STATIC, "accessRestrictions": []}], "accessRestrictions: it is empty")


async def test_errors_name_file_and_line(installation: Any, tmp_path: Any) -> None:
    """A60, A61: an error at start names file and line of what is wrong."""
    from understage.config import LoadOptions, load_config

    file = tmp_path / "app-config.yaml"
    file.write_text(
        "backend:\n  auth:\n    externalAccess:\n      - type: static\n"
        "        options:\n          token: short\n          subject: ci\n"
    )
    loaded = await load_config(LoadOptions(root_dir=tmp_path, env={}))
    with pytest.raises(
        ConfigError, match=r"app-config\.yaml:6:\d+: backend\.auth\.externalAccess\[0\]\.options\.token: "
    ):
        await installation.plugin("catalog", config=loaded.config)


words = st.text(alphabet="abc.-", min_size=1, max_size=5)


@given(
    st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from([",", " ", ", ", " , "])
)
def test_words(groups: Any, separator: Any) -> None:
    """A64, A65: lists, commas and spaces may be mixed; each word counts once, in order of appearance."""
    config = config_from_data({"x": [separator.join(group) for group in groups]})
    assert read_words(config, "x") == tuple(dict.fromkeys(word for group in groups for word in group))
    single = config_from_data({"x": separator.join(groups[0])})
    assert read_words(single, "x") == tuple(dict.fromkeys(groups[0]))
    assert read_words(single, "y") is None

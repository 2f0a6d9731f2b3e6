"""Registering providers and turning them on."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from understage.auth.providers import ProviderRegistry, Providers, create_providers
from understage.auth_api import AuthProviderContext, AuthProviderFactory, AuthProviderRouteHandlers
from understage.config import Config, config_from_data
from understage.errors import ConflictError, ForwardedError, InputError


async def answer(_request: Request) -> Response:
    return PlainTextResponse("answer")


HANDLERS = AuthProviderRouteHandlers(start=answer, frame_handler=answer)


def works(_context: AuthProviderContext, /) -> AuthProviderRouteHandlers:
    return HANDLERS


def needs_client_id(context: AuthProviderContext, /) -> AuthProviderRouteHandlers:
    context.config.get_string("clientId")
    return HANDLERS


def make(
    factories: Mapping[str, AuthProviderFactory], auth: Any, logger: Any, *, development: bool = False
) -> Providers:
    def create_context(provider_id: str, section: Config) -> AuthProviderContext:
        return AuthProviderContext(
            provider_id=provider_id,
            config=section,
            base_url="http://localhost:7007/api/auth",
            app_url=None,
            logger=logger,
            resolver_context=None,  # type: ignore[arg-type]
        )

    config = config_from_data({"auth": auth})
    return create_providers(factories, config, logger, create_context=create_context, development=development)


def test_a_provider_is_on_offer_once_it_is_configured(logger: Any) -> None:
    """P1: a provider needs a module and a key below auth.providers, be it an empty one."""
    providers = make({"guest": works, "github": works}, {"providers": {"guest": {}}}, logger)
    assert providers.handlers == {"guest": HANDLERS}
    assert providers.unconfigured == ["github"]


def test_a_null_section_turns_nothing_on(logger: Any) -> None:
    """P1: null reads as absent."""
    assert make({"guest": works}, {"providers": {"guest": None}}, logger).unconfigured == ["guest"]


def test_a_factory_gets_its_section_and_id(logger: Any) -> None:
    """P1: the context holds the provider's id and its own part of the configuration."""
    seen: list[AuthProviderContext] = []

    def factory(context: AuthProviderContext, /) -> AuthProviderRouteHandlers:
        seen.append(context)
        return HANDLERS

    make({"guest": factory}, {"providers": {"guest": {"userEntityRef": "user:default/x"}}}, logger)
    assert seen[0].provider_id == "guest"
    assert seen[0].config.get_string("userEntityRef") == "user:default/x"


def test_invalid_configuration_stops_the_start(logger: Any) -> None:
    """P3: outside of development a provider with invalid configuration fails the start, with its name and key."""
    with pytest.raises(ForwardedError) as caught:
        make({"github": needs_client_id}, {"providers": {"github": {}}}, logger)
    assert "the auth provider 'github' cannot start; check auth.providers.github" in str(caught.value)
    assert "auth.providers.github.clientId" in str(caught.value)


def test_a_section_that_is_no_section_stops_the_start(logger: Any) -> None:
    """P3: `guest: true` is invalid configuration as well."""
    with pytest.raises(ForwardedError, match="the auth provider 'guest' cannot start"):
        make({"guest": works}, {"providers": {"guest": True}}, logger)


def test_in_development_the_others_go_on(logger: Any) -> None:
    """P3: in development a provider with invalid configuration is left out with a warning, whatever it raises."""

    def broken(_context: AuthProviderContext, /) -> AuthProviderRouteHandlers:
        raise RuntimeError("boom")

    section: dict[str, object] = {"github": {}, "odd": {}, "guest": {}}
    factories = {"github": needs_client_id, "odd": broken, "guest": works}
    providers = make(factories, {"providers": section}, logger, development=True)
    assert providers.misconfigured == ["github", "odd"]
    assert list(providers.handlers) == ["guest"]
    assert [metadata["key"] for _, metadata in logger.of("warning")] == ["auth.providers.github", "auth.providers.odd"]


def test_a_configured_provider_without_module_is_pointed_out(logger: Any) -> None:
    """P1: a key that no module reads is a warning that names it."""
    make({}, {"providers": {"github": {"clientId": "x"}}}, logger)
    ((message, metadata),) = logger.of("warning")
    assert "no module offers it" in message
    assert metadata["key"] == "auth.providers.github"


def test_a_provider_id_is_taken_once() -> None:
    """P19: registering an id twice is a conflict that names it."""
    registry = ProviderRegistry()
    registry.register_provider(provider_id="guest", factory=works)
    with pytest.raises(ConflictError, match="the auth provider 'guest' is registered already"):
        registry.register_provider(provider_id="guest", factory=works)


@pytest.mark.parametrize("provider_id", ["", "v1", "a/b", ".well-known", "a b", "1a", "a--b"])
def test_a_provider_id_must_fit_paths_and_configuration(provider_id: str) -> None:
    """P19: an id that cannot stand in a path or a configuration key, or is taken by the plugin, is refused."""
    with pytest.raises(InputError, match="cannot be the id of an auth provider"):
        ProviderRegistry().register_provider(provider_id=provider_id, factory=works)


@pytest.mark.parametrize("provider_id", ["guest", "oauth2Proxy", "my-provider", "a_b", "auth0"])
def test_usual_provider_ids_are_fine(provider_id: str) -> None:
    """P19: the ids that providers of Backstage have can be registered."""
    registry = ProviderRegistry()
    registry.register_provider(provider_id=provider_id, factory=works)
    assert list(registry.factories) == [provider_id]

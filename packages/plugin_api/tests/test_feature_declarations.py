from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.plugin_api import (
    FeatureDeclarationError,
    FeatureLoader,
    ModuleFeature,
    ModuleRegistrationPoints,
    PluginFeature,
    PluginMetadata,
    PluginRegistrationPoints,
    RootConfig,
    ServiceFactory,
    core_services,
    create_backend_feature_loader,
    create_backend_module,
    create_backend_plugin,
    create_service_factory,
    create_service_ref,
)

thing_ref = create_service_ref(str, id="acme.thing")
root_ref = create_service_ref(str, id="acme.root", scope="root")


@create_backend_plugin(plugin_id="acme")
def acme_plugin(env: PluginRegistrationPoints, *, greeting: str = "hello") -> None:
    """Greets people."""
    assert isinstance(env, list)
    env.append(greeting)


@create_backend_module(plugin_id="acme", module_id="more")
def acme_module(env: ModuleRegistrationPoints, times: int = 1) -> None:
    """Greets people more often."""
    assert isinstance(env, list)
    env.append(times)


def run(feature: PluginFeature | ModuleFeature) -> list[object]:
    """Runs a feature's `register` on a list in place of registration points."""
    calls: Any = []
    feature.register(calls)
    return list(calls)


def test_a_plugin_takes_options() -> None:
    """W12: a plugin is a definition; calling it with options gives a feature, and nothing runs before `register`."""
    feature = acme_plugin(greeting="good morning")
    assert (feature.plugin_id, feature.feature_type, feature.version) == ("acme", "plugin", "v1")
    assert run(feature) == ["good morning"]
    assert run(acme_plugin()) == ["hello"]


def test_a_module_takes_options() -> None:
    """W11, W12: a module is a definition like a plugin."""
    feature = acme_module(times=3)
    assert (feature.plugin_id, feature.module_id, feature.feature_type) == ("acme", "more", "module")
    assert run(feature) == [3]
    assert run(acme_module(2)) == [2]


def test_definitions_know_what_and_where_they_are() -> None:
    """A definition keeps the docstring and the place of its function, and is shown by its ids."""
    assert acme_plugin.__doc__ == "Greets people."
    assert repr(acme_plugin) == "<plugin 'acme'>"
    assert repr(acme_module) == "<module 'more' of plugin 'acme'>"
    for definition in (acme_plugin, acme_module):
        assert definition.location is not None
        assert definition.location.file == __file__


def test_features_have_a_kind_and_a_version() -> None:
    """W1: every kind of feature carries its tag and the version `v1`."""

    @create_service_factory(service=thing_ref)
    def factory() -> str:
        return "thing"

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        return [factory]

    assert isinstance(factory, ServiceFactory)
    assert isinstance(loader, FeatureLoader)
    features = (factory, acme_plugin(), acme_module(), loader)
    assert [(feature.feature_type, feature.version) for feature in features] == [
        ("service", "v1"),
        ("plugin", "v1"),
        ("module", "v1"),
        ("loader", "v1"),
    ]


@pytest.mark.parametrize("plugin_id", ["kebab-case", "camelCase", "snake_case", "ABC123"])
def test_ids_follow_conventions_only(plugin_id: str) -> None:
    """W14: kebab-case is a convention; other spellings are taken as they are."""
    assert create_backend_plugin(plugin_id=plugin_id)(lambda env: None)().plugin_id == plugin_id


@pytest.mark.parametrize("plugin_id", ["", "a b", "a/b", "a.b", "caf\u00e9", "a\n"])
def test_ids_that_tokens_cannot_carry_are_refused(plugin_id: str) -> None:
    """W15: a plugin id of other characters than ASCII letters, digits, `_` and `-` is refused.

    deviation: it is refused where the plugin is declared, instead of at its first call to another plugin.
    """
    with pytest.raises(FeatureDeclarationError, match="other plugins would refuse its tokens"):
        create_backend_plugin(plugin_id=plugin_id)(lambda env: None)
    with pytest.raises(FeatureDeclarationError):
        PluginFeature(plugin_id, lambda env: None)


@given(st.text(max_size=6))
def test_an_id_is_taken_exactly_if_a_token_can_carry_it(plugin_id: str) -> None:
    """W15: whatever the text, it is taken exactly if it has one of the permitted characters or more, and no other."""
    permitted = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    if plugin_id and set(plugin_id) <= permitted:
        assert PluginFeature(plugin_id, lambda env: None).plugin_id == plugin_id
    else:
        with pytest.raises(FeatureDeclarationError):
            PluginFeature(plugin_id, lambda env: None)


def test_a_factory_names_what_it_needs() -> None:
    """W21, W22: a factory names its service and dependencies, and those of its root context apart from them."""

    def create_root_context(config: RootConfig) -> str:
        return str(config)

    @create_service_factory(service=thing_ref, create_root_context=create_root_context, initialization="always")
    def factory(plugin: PluginMetadata, root_context: str) -> str:
        return plugin.id + root_context

    dependencies = factory.dependencies()
    assert factory.service is thing_ref
    assert factory.initialization == "always"
    assert dict(dependencies.factory) == {"plugin": core_services.plugin_metadata}
    assert dict(dependencies.root_context) == {"config": core_services.root_config}
    assert factory.location.file == __file__


def test_a_factory_may_name_its_needs_explicitly() -> None:
    """W21: dependencies of the factory and of its root context may be given by name."""

    @create_service_factory(
        service=thing_ref,
        deps={"other": root_ref},
        create_root_context=lambda base: str(base),
        root_context_deps={"base": root_ref},
    )
    def factory(other: str, root_context: str) -> str:
        return other + root_context

    dependencies = factory.dependencies()
    assert dict(dependencies.factory) == {"other": root_ref}
    assert dict(dependencies.root_context) == {"base": root_ref}


def test_initialization_can_be_changed() -> None:
    """W21: the same factory can be made eager or lazy, and the original stays as it was."""

    @create_service_factory(service=root_ref)
    def factory() -> str:
        return "root"

    lazy = factory.with_initialization("lazy")
    assert (factory.initialization, lazy.initialization, lazy.service) == (None, "lazy", root_ref)
    assert lazy.location == factory.location


def test_a_root_service_has_no_root_context() -> None:
    """W21: a root context belongs to plugin-scoped factories only."""
    with pytest.raises(FeatureDeclarationError) as caught:
        create_service_factory(service=root_ref, create_root_context=lambda: None)
    assert "serviceRef{acme.root} has a root context, but the service is root-scoped" in str(caught.value)
    assert "test_feature_declarations.py" in str(caught.value)
